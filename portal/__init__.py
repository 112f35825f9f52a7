"""The public web app: comments, messages, client feed, callbacks. Holds no staff code."""
