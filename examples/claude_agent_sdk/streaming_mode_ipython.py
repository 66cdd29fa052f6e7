"""Cells for a notebook or IPython; without `await`, so that the file is a program too."""

# %% An answer as it is written
import threading

from agent_sdk_core import AgentError, AssistantMessage, ResultMessage, sync

backend = sync.create_backend()
session = backend.create_session()
for piece in session.query("How much is 2 + 2?").texts():
    print(piece, end="", flush=True)

# %% A conversation
for prompt in ("Tell me a joke.", "And now a fact."):
    print(session.run(prompt).result)

# %% Interrupt: the stop button of the notebook does it, or another thread
turn = session.query("Count to 100, slowly.")
for piece in turn.texts():
    print(piece)
    threading.Thread(target=turn.interrupt).start()
print("Interrupted:", turn.result and turn.result.outcome)
print(session.run("Just say hello.").result)

# %% Errors
try:
    session.run("Say something.").raise_for_error()
except AgentError as error:
    print("Error:", error)

# %% Several prompts at once; they queue
for prompt in ("I have two questions.", "How much is 25 * 4?", "And 100 / 5?"):
    print(session.run(prompt).result)

# %% All messages of a turn
messages = list(session.query("Which are the primary colours?"))
print([message.text for message in messages if isinstance(message, AssistantMessage)])
print(len(messages), "messages;", [message.outcome for message in messages if isinstance(message, ResultMessage)])

# %% The end
session.close()
backend.close()
