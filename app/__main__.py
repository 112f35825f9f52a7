"""`python -m app` is the command `wenzheng`."""

from app.command import main

if __name__ == "__main__":
    main()
