"""One child process: started, watched, stopped."""
