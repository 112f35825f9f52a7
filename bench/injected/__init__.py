"""Injected events: does the stream detector find what is known to be there, and nothing else?"""
