"""`python -m sandbox`: starts the sandbox."""

from .command import serve

if __name__ == "__main__":
    serve()
