"""WHAT MAY HAPPEN NEXT: one statutory process a file, and the one fold that live code and audit share. Pure."""
