"""The registers of our team as lists: who or what is in one today, what happened in a time, what falls due soon."""
