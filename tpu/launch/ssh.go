package launch

// SSHUser is the user that the run's public key lets in.
const SSHUser = "subbert"
