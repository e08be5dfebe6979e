"""What the promises about speed rest on: each module measures one, and says so."""
