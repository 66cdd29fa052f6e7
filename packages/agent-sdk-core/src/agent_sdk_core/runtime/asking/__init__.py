"""The course of what an agent asks: the broker, the requests that wait, and the calls of the application's own code."""
