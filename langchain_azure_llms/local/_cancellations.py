"""Stopping what is being generated: one call's, or everything at once."""

import threading
from weakref import WeakSet


class Cancellations:
    """Hands out the events that stop calls, and can set them all.

    The server sets them when it stops: nobody waits for a text that takes half a minute.
    """

    def __init__(self) -> None:
        self._events: WeakSet[threading.Event] = WeakSet()
        self._lock = threading.Lock()
        self._stopped = False

    def new(self) -> threading.Event:
        """Return the event of a new call; it is set already when everything was stopped."""
        event = threading.Event()
        with self._lock:
            self._events.add(event)
            if self._stopped:
                event.set()
        return event

    def stop(self) -> None:
        """Stop all calls, also those to come."""
        with self._lock:
            self._stopped = True
            for event in self._events:
                event.set()
