"""`sendflow doctor`: findings, and e-mail to the operator."""
