"""What the fork server has ready before it forks: the crew's code, every channel's, and the tables' mapping."""

from sqlalchemy.orm import configure_mappers

import bench.ledger.crew  # noqa: F401  imported to be there
from publisher.channels import channel_class, channels

configure_mappers()
for kind in channels().kinds():
    channel_class(kind)
