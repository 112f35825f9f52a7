"""The staff web app: pages and Chinese labels."""
