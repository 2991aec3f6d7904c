/// The small facts that must be right before anything else can be read: whose database this is, which term was
/// promised, how far the checkpoint goes. Two slots, written alternately, so that a torn write leaves the older slot.
///
/// Layout: slot 0 at offset 0, slot 1 at offset 4096, each (little-endian; values are on disk, do not renumber):
///   offset  bytes  field
///   0       8      magic "VSCONTRL"
///   8       8      generation; the valid slot with the larger one counts
///   16      16     database uuid
///   32      4      format version of the database
///   36      4      checkpoint chain
///   40      8      promised term
///   48      8      checkpoint lsn
///   56      8      checkpoint term
///   64      8      durable lsn
///   72      8      XXH3-64 of bytes 0..71
///   80      4016   zero
/// Thread safety: one thread at a time.
#pragma once

#include <vecstore/storage/file_system.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace vecstore::storage {

inline constexpr std::size_t control_slot_bytes = 4096;

struct control_state {
    std::array<std::byte, 16> database_uuid{};
    std::uint32_t format_version = 1;
    std::uint64_t promised_term = 0;     ///< no leader with a smaller term may write here
    std::uint64_t checkpoint_lsn = 0;    ///< tables and parts hold all records up to this one
    std::uint64_t checkpoint_term = 0;   ///< term of that record
    std::uint32_t checkpoint_chain = 0;  ///< chain of that record (wal/record.hpp)
    std::uint64_t durable_lsn = 0;       ///< records up to here were synced: their loss is corruption, not a torn tail

    bool operator==(const control_state&) const = default;
};

class control_file {
public:
    /// Makes `<directory>/control` with `state` in slot 0; `files` must outlive the result.
    /// Durability: file and name are synced.
    /// Errors: already_exists, resource_exhausted, io.
    [[nodiscard]] static result<control_file> create(file_system& files, const std::string& directory,
                                                     const control_state& state);

    /// Reads the newest valid slot. One damaged slot is tolerated; the next `store` overwrites it.
    /// Errors: not_found, corruption (both slots damaged), resource_exhausted, io.
    [[nodiscard]] static result<control_file> open(file_system& files, const std::string& directory,
                                                   bool read_only = false);

    [[nodiscard]] const control_state& state() const noexcept { return state_; }
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    /// True when `open` met a damaged slot.
    [[nodiscard]] bool was_damaged() const noexcept { return was_damaged_; }

    /// Replaces the state. Durability: synced when this returns without error; after an error the old or the new state
    /// is what a reopen finds, and this object refuses further stores with `unavailable`.
    /// Errors: unsupported (read-only), unavailable, resource_exhausted, io.
    result<void> store(const control_state& state);

private:
    explicit control_file(std::unique_ptr<file> slots, bool read_only)
        : file_(std::move(slots)), read_only_(read_only) {}

    std::unique_ptr<file> file_;
    control_state state_;
    std::uint64_t generation_ = 0;
    std::size_t slot_ = 0;  ///< the one that holds state_
    bool read_only_ = false;
    bool was_damaged_ = false;
    bool failed_ = false;
};

}  // namespace vecstore::storage
