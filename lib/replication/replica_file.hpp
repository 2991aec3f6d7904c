/// What a node must never forget: whose it is, who it is, and whom it has promised to follow. `<directory>/replica`.
/// Each promise is written to both slots, one after the other: a torn write leaves the one before, which nobody was told of
/// yet, and a slot that rots later does not take a promise back. (The control file has two slots for the first reason alone.)
///
/// Layout: slot 0 at offset 0, slot 1 at offset 4096, each (little-endian; values are on disk, do not renumber):
///   offset  bytes  field
///   0       8      magic "VSREPLIC"
///   8       8      generation; the valid slot with the larger one counts
///   16      4      format version (1)
///   20      4      bytes of the first members, n
///   24      16     cluster
///   40      16     node
///   56      8      promised term
///   64      16     promised node
///   80      n      first members (membership.hpp): those before any config record in the log
///   80 + n  8      XXH3-64 of what stands before
///   88 + n         zero, to 4096
/// Thread safety: one thread at a time.
#pragma once

#include "membership.hpp"
#include "ports.hpp"

#include <vecstore/storage/file_system.hpp>

#include <memory>
#include <string>

namespace vecstore::replication {

inline constexpr std::size_t replica_slot_bytes = 4096;
inline constexpr std::uint32_t replica_file_version = 1;

struct replica_identity {
    node_id cluster{};
    node_id node{};
    promised_leader promised;
    membership first_members;
    friend bool operator==(const replica_identity&, const replica_identity&) = default;
};

class replica_file {
public:
    /// Makes the file; `files` must outlive the result.
    /// Durability: file and name are synced.
    /// Errors: already_exists, invalid_argument (members), resource_exhausted, io.
    [[nodiscard]] static result<replica_file> create(storage::file_system& files, const std::string& directory,
                                                     const replica_identity& identity);

    /// One damaged slot is tolerated, and written again by the next `store`.
    /// Errors: not_found, corruption (both slots), unsupported (a later version), resource_exhausted, io.
    [[nodiscard]] static result<replica_file> open(storage::file_system& files, const std::string& directory);

    [[nodiscard]] const replica_identity& identity() const noexcept { return identity_; }
    /// True when `open` met a damaged slot.
    [[nodiscard]] bool was_damaged() const noexcept { return was_damaged_; }

    /// Replaces the promise. Durability: synced in both slots when this returns without error; after an error the old or
    /// the new one is what a reopen finds, and this object refuses further stores with `unavailable`.
    /// Errors: invalid_argument (an earlier term), unavailable, resource_exhausted, io.
    /// Cost: two writes and two syncs; a term is promised once.
    result<void> store(const promised_leader& promised);

private:
    explicit replica_file(std::unique_ptr<storage::file> slots) : file_(std::move(slots)) {}

    std::unique_ptr<storage::file> file_;
    replica_identity identity_;
    std::uint64_t generation_ = 0;
    bool was_damaged_ = false;
    bool failed_ = false;
};

}  // namespace vecstore::replication
