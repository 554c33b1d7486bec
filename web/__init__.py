"""The pages: made by the server, in the NHS look, working without a script. They parse, call casework and render."""
