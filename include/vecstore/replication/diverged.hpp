/// Writes that did not come to be: they were in a leader's log when it lost the leadership, no majority had them, and another
/// leader's log won. Whoever wrote them was told `unknown_outcome`, or nothing. They are kept in `<directory>/diverged`, a file for
/// each cut, until somebody removes it; what of them is still wanted can be written again.
/// Thread safety: any thread.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/database/database.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::replication {

struct diverged_writes {
    std::string path;  ///< of the file
    std::uint64_t first_lsn = 0;
    std::uint64_t last_lsn = 0;
    std::uint64_t bytes = 0;
};

/// What there is, ascending by lsn.  Errors: unsupported (in memory), unavailable (closed), io.
[[nodiscard]] result<std::vector<diverged_writes>> list_diverged(const database& db);

/// Gives each change in such a file to `callback`, in the order in which they were written; false ends it. `token` and `lsn` are
/// those of the log that was cut, and mean nothing to `database::changes`. Changes of collections that nobody knows any more are
/// left out.
/// Errors: not_found, corruption (path, offset), unsupported, unavailable, io.
result<void> read_diverged(const database& db, const std::string& path, const change_callback& callback);

}  // namespace vecstore::replication
