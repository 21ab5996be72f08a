"""One prompt on its way from the queue to the history."""
