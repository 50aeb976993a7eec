// Turns of the event loop for many workers: each goes on in a turn of its own, in the order in
// which they asked, because the steps of all of them in one turn would be one long step.

/**
 * `yieldTurn`, answered to one caller every `turns` turns: who needs several of them for little
 * work comes through between two long steps. A failure is thrown to whose turn it was.
 */
export function ownTurns(yieldTurn: () => Promise<void>, turns = 1): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const next = async () => {
    for (let i = 0; i < turns; i++) await yieldTurn();
  };
  return () => {
    const turn = last.then(turns === 1 ? yieldTurn : next);
    last = turn.catch(goOn);
    return turn;
  };
}

/** The next one has its turn whatever became of the one before. */
function goOn(): undefined {
  return undefined;
}
