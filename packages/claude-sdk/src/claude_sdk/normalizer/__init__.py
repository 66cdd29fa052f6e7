"""How claude's frames are read: pure objects, one a session, that know no process and no event loop."""
