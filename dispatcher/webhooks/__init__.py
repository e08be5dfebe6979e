"""The addresses that the gateway posts to: a WSGI application, and a small server for it.

```python
from dispatcher import Dispatcher, Settings
from dispatcher.webhooks import Webhooks

application = Webhooks(Dispatcher(Settings.from_env()))
```
"""

from dispatcher.webhooks.application import Answer, Webhooks

__all__ = ["Answer", "Webhooks"]
