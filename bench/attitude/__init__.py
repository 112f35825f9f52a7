"""How well attitude, family, severity and the offensive mark are read, beside stock snownlp's value as a complaint."""
