/// Looking a log over, record by record, without changing it: what is damaged, and what a recovery would make of it.
/// Thread safety: as the file system; nobody may write to the log meanwhile.
#pragma once

#include <vecstore/core/error.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/wal/reader.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vecstore::wal {

struct log_damage {
    error what;             ///< path and offset say where
    bool needed = true;     ///< false: the records there are in the checkpoint already
    std::uint64_t lsn = 0;  ///< first record that cannot be read; 0 = not known
};

struct log_check {
    std::uint64_t segments = 0;
    std::uint64_t records = 0;     ///< right ones, those before the checkpoint too
    std::uint64_t bytes = 0;       ///< of the files
    log_end end;                   ///< as `recover` finds it, with `salvage`
    std::uint64_t last_lsn = 0;    ///< up to here a recovery (with `salvage`, if there is damage) gets
    std::uint64_t torn_bytes = 0;  ///< a torn tail, which the next opening cuts off
    std::vector<log_damage> damages;
};

/// Reads every segment: both headers, each record's checksums, lsn and chain, that segments continue each other; then
/// lets `recover` judge the whole, read-only. `visit` gets each record that a recovery would apply; an error that it
/// gives is noted as damage of that record and ends the visits. `keep_going` is called now and then; false cancels.
/// Errors: cancelled, io, resource_exhausted. Damage is no error but in the result.
/// Cost: three passes over the log, in windows of 1 MiB.
[[nodiscard]] result<log_check> check_log(storage::file_system& files, const std::string& directory,
                                          recover_options options, const record_visitor& visit,
                                          const std::function<bool()>& keep_going = {});

}  // namespace vecstore::wal
