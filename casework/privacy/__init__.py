"""Access to identities and free text, each logged; erasure."""
