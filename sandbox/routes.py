"""A blueprint whose endpoints are named by their paths, since many platform calls share a verb."""

from typing import Any

from flask import Blueprint


class PathBlueprint(Blueprint):
    """Names an endpoint `2-statuses-show-json` after its rule, whatever the view function is called."""

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Any = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a rule under a name made from the rule and its methods."""
        methods = "".join(sorted(options.get("methods") or ["GET"])).lower()
        name = f"{methods}{rule}".translate(str.maketrans("/.<>:", "-----"))
        super().add_url_rule(
            rule, endpoint=name, view_func=view_func, provide_automatic_options=provide_automatic_options, **options
        )
