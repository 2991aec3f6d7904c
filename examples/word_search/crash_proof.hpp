// Proof by killing: a child process writes, is killed with SIGKILL, and every point that it was told is safe is there.
#pragma once

#include "common/sample.hpp"

#include <string>

namespace word_search {

/// The child: upserts points in batches for ever, and prints the number of acknowledged points after each batch.
int write_until_killed(const std::string& directory);

/// The parent: starts the child, kills it, opens the directory and prints what is there. 0 when nothing is missing.
int prove(const std::string& program, const std::string& directory);

}  // namespace word_search
