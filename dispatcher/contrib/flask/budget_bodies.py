"""What the JSON API takes and answers about budgets, and their paths in its description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from dispatcher.campaigns.campaign_tags import PATTERN
from dispatcher.contrib.flask import series_bodies
from dispatcher.contrib.flask.fields import Euros
from dispatcher.contrib.flask.list_upload import ListUpload

_Exact = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{4}$")]


class MonthlyBudget(BaseModel):
    """What campaigns with a tag may cost in each month of Paris."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    euros: Annotated[
        Euros,
        Field(description="whole euros, or a text: `500.50`; a full batch of one segment at least"),
    ]
    reason: Annotated[str, Field(max_length=500, description="goes on record")] = ""


class Budget(BaseModel):
    """A budget and what is left of this month."""

    model_config = ConfigDict(extra="forbid")

    tag: str
    month: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}$", description="of Paris")]
    euros: Annotated[_Exact, Field(description="the most that a month may cost")]
    charged: Annotated[_Exact, Field(description="to the campaigns that began in this month")]
    reserved: Annotated[_Exact, Field(description="what may still be charged to them")]
    left: Annotated[_Exact, Field(description="for campaigns that are to begin")]


class BudgetList(BaseModel):
    """Every budget, by tag."""

    model_config = ConfigDict(extra="forbid")

    budgets: list[Budget]


#: the bodies and answers that are described
BODIES: tuple[type[BaseModel], ...] = (*series_bodies.BODIES, MonthlyBudget, ListUpload)
ANSWERS: tuple[type[BaseModel], ...] = (*series_bodies.ANSWERS, Budget, BudgetList)


def budget_paths(
    operation: Callable[..., dict[str, Any]], reference: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    """The paths of budgets."""
    tag = {
        "name": "tag",
        "in": "path",
        "required": True,
        "description": "a campaign tag",
        "schema": {"type": "string", "pattern": PATTERN},
    }
    one = reference("Budget")
    return {
        "/budgets": {
            "get": operation(
                "budgets", "What may be spent by tag and month", reference("BudgetList"),
                tag="budgets",
            )
        },
        "/budgets/{tag}": {
            "put": operation(
                "set_budget", "Set a budget; campaigns that wait go on if it pays for them", one,
                400, 415, 422, body="MonthlyBudget", tag="budgets",
            ),
            "delete": operation(
                "remove_budget", "Let campaigns with the tag cost anything", one, 404, 422,
                tag="budgets",
            ),
            "parameters": [tag],
        },
    }  # fmt: skip
