// Turns of the event loop for many workers: each goes on in a turn of its own, in the order in
// which they asked, because the steps of all of them in one turn would be one long step.

/** `yieldTurn`, answered to one caller a turn. A failure is thrown to whose turn it was. */
export function ownTurns(yieldTurn: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return () => {
    const turn = last.then(yieldTurn);
    last = turn.catch(goOn);
    return turn;
  };
}

/** The next one has its turn whatever became of the one before. */
function goOn(): undefined {
  return undefined;
}
