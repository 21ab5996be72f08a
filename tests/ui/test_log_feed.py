"""The program's own log reaches the window, with errors in words."""

import logging

from app.ui.log_feed import LogFeed


def test_records_of_easels_loggers_arrive_while_the_feed_is_open():
    lines = []
    feed = LogFeed(lambda level, text: lines.append((level, text)))
    log = logging.getLogger("easel.packs")

    feed.open()
    log.info("12 packs loaded")
    log.debug("not shown")
    try:
        raise ValueError("bent")
    except ValueError:
        log.exception("A pack failed")
    feed.shut()
    log.warning("after the end")

    assert lines == [("info", "12 packs loaded"), ("error", "A pack failed: ValueError: bent")]
