"""Author, check, review, schedule, deliver, correct, withdraw. The ledger lives here."""
