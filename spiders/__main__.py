"""`python -m spiders SOURCE_ID…`: one Scrapy process that reads these sources and ends. Started by `spiders.runner`."""

from __future__ import annotations

import os
import sys
import threading

from scrapy.crawler import AsyncCrawlerProcess

from core.config import Settings
from core.house import House, open_house
from spiders.settings import build_settings
from spiders.sources import load_spider
from spiders.visits import Visit, claim, open_visit

WATCHED = "--watched"
ORPHANED = 4


def main(arguments: list[str]) -> int:
    """Crawl the sources and give the exit code. Sources that no run holds yet are claimed first."""
    watched = WATCHED in arguments
    source_ids = [int(argument) for argument in arguments if argument != WATCHED]
    if watched:
        threading.Thread(target=end_with_starter, daemon=True).start()
    house = open_house(Settings())
    if not watched:
        with house.db.write() as session:
            source_ids = claim(session, source_ids, house.clock.now())
    crawl(house, [open_visit(house, source_id) for source_id in source_ids])
    house.close()
    return 0


def crawl(house: House, visits: list[Visit]) -> None:
    """One crawler for each visit, all in one reactor."""
    process = AsyncCrawlerProcess(build_settings(house.settings.call_s, house.settings.site_url))
    for visit in visits:
        process.crawl(load_spider(visit.spider), visit=visit)
    if visits:
        process.start()


def end_with_starter() -> None:
    """Standard input closes when the starter dies, however it dies: then so do we, and nothing is half done."""
    while sys.stdin.buffer.read(1):
        continue
    os._exit(ORPHANED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
