"""Routing of citizens' messages, judged on labelled rows no fold's model has seen, beside a character SVC."""
