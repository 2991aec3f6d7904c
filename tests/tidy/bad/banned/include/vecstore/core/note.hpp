// TODO: later
// café
