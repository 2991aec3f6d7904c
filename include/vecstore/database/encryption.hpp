/// Encryption at rest: what it covers, what it does not, and changing the key.
///
/// A database that is made with `database_options::encryption` is encrypted with AES-256-GCM under keys derived from a random
/// data key, which lies in `<dir>/keys`, wrapped by the caller's key (storage/keyring.hpp). Encrypted and authenticated are:
///   parts, graphs, lists    every byte (storage/sealed_file_system.hpp)
///   tables                  every value (storage/encrypted_table_store.hpp)
///   log                     what records say (wal/record_cipher.hpp); so the archive, torn tails and `diverged/`, too
///   snapshots, backups      as the files that they are made of
/// What was changed, cut off, moved or swapped in these is corruption when it is read, with path and offset.
///
/// Readable without the key: that there is a database, its uuid, lsns, times and sizes of files and records; which kind of
/// write each record is; keys of tables, that is the ids of points, numbers of collections and ordinals, times of expiry
/// and names of log readers. So put nothing secret into an id.
/// Not protected against: someone who can read the memory of the process; who puts back an older copy of all files, or of
/// values of the tables; who had an old `keys` file and its key (change the data key by copying into a new database).
/// Swap and core dumps are the host's to switch off.
///
/// Costs: parts are decrypted into memory of the process when they are touched first, so they take their size in memory, unless
/// `vector_options::on_disk` keeps the originals out of it; then each of them that is read decrypts 4 KiB or more. Searches
/// of what is in memory cost the same. Tables are 28 bytes larger for each entry. In processor time, 128 dimensions and five
/// payload fields (benchmarks/database/encryption_bench.cpp): searching as before, and with originals on disk twice; reading
/// a point by its id 1.7 times (2.2 microseconds); writing 1.1 times; a checkpoint twice (one more microsecond a point).
/// Paper: Dworkin, "Galois/Counter Mode (GCM) and GMAC", NIST SP 800-38D, 2007.
/// Thread safety: any thread.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/database/options.hpp>
#include <vecstore/storage/cipher.hpp>

#include <string>

namespace vecstore {

/// True when this build can make and open encrypted databases.
[[nodiscard]] inline bool encryption_available() noexcept { return storage::encryption_available(); }

/// Wraps the data key of a database anew: afterwards `to` opens it, and `from` does not. No data is rewritten. Snapshots and
/// backups made before keep the key they had.
/// Errors: wrong_key (`from` is not its key, or it is not encrypted), unavailable (it is open for writing), not_found,
///         unsupported (a snapshot; built without OpenSSL), corruption, io, resource_exhausted.
/// Durability: `to` is needed when this returns without error; after an error or a crash one of the two, and never none.
result<void> rekey(const std::string& directory, const encryption_key& from, const encryption_key& to,
                   const database_environment& environment = {});

}  // namespace vecstore
