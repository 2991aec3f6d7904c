/// The two applications: one that takes entries of a dictionary in, one that answers questions about them. Each has its
/// own copy of the database, in its own directory.
#pragma once

#include <string>

namespace pair {

struct host {
    std::string directory;
    std::string listen;  ///< its address, which is its name, too
    std::string other;
};

/// Writes all entries of the sample, eight at a time, and says "kept <n>" whenever more of them are kept by both.
int ingest(const host& here);
/// Reads "count" or "ask <n>" and says how many entries its copy has, or which is nearest to the n-th sentence.
int answer(const host& here);

}  // namespace pair
