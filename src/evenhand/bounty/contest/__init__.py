"""Contest: what teams, onlookers and the owner see while a bounty goes on."""
