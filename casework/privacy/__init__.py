"""Read identities and free text, each access logged; erase them; reset a lost key."""
