"""WHO HEARS, IN WHAT WORDS: notices, the letters made of them, and the post that carries them. [only the
post does I/O]
"""
