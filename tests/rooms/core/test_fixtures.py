"""The fixtures other tests stand on."""

from sqlalchemy import text

from core.models import Freeze, Person
from core.models.words import Role


def test_a_house_opens_with_its_freeze_row_on_both_databases(either_house):
    with either_house.db.read() as session:
        assert session.get_one(Freeze, "all").frozen is False


def test_a_second_postgresql_test_starts_with_an_empty_database(database, add_person):
    with database.read() as session:
        assert session.query(Person).count() == 0
    add_person(database, "zhang", Role.EDITOR)


def test_people_carry_their_roles(house, people):
    actor = people("li", Role.REVIEWER1, Role.LEADER)
    assert actor.roles == {"reviewer1", "leader"}
    with house.db.read() as session:
        assert session.get_one(Person, actor.person_id).roles == actor.roles


def test_every_sqlite_connection_has_the_pragmas_of_the_ledger(house):
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}
    for way in (house.db.read, house.db.write):
        with way() as first, house.db.read() as second:
            for session in (first, second):
                got = {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in wanted}
                assert got == wanted
