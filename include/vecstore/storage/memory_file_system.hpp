/// A file system in memory, for databases without a directory and for tests of what a power cut leaves behind.
/// Durability is modelled: contents become durable by `file::sync`, names by `sync_directory`; `crash` drops an
/// arbitrary part of the rest. Simplifications: directories themselves are durable at once; an un-synced sector is old
/// or new, never a mix and never an intermediate version; links are copies by reference, as on disk.
/// Thread safety: every function may be called from any thread; one lock inside.
#pragma once

#include <vecstore/storage/file_system.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::storage {

/// Bytes that a crash keeps or drops as one.
inline constexpr std::size_t memory_sector_bytes = 512;

/// What a power cut makes of all that was not synced.
enum class unsynced : std::uint8_t {
    lost,   ///< gone: exactly what was synced is left
    kept,   ///< there: as after the death of the process alone
    mixed,  ///< an arbitrary subset of the sectors, sizes and name changes is there, chosen by a seed
};

class memory_file_system final : public file_system {
public:
    memory_file_system();
    ~memory_file_system() override;

    result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override;
    /// Shares the bytes with the file; a later write to the file copies them first, so that the mapping never changes.
    result<std::shared_ptr<const mapping>> map(const std::string& path) override;
    result<void> rename(const std::string& from, const std::string& to) override;
    result<void> link(const std::string& from, const std::string& to) override;
    result<void> remove(const std::string& path) override;
    result<void> remove_all(const std::string& path) override;
    result<void> create_directories(const std::string& path) override;
    result<void> sync_directory(const std::string& path) override;
    result<std::vector<std::string>> list(const std::string& path) override;
    [[nodiscard]] bool exists(const std::string& path) override;
    result<std::uint64_t> file_size(const std::string& path) override;
    result<std::unique_ptr<file_lock>> lock(const std::string& path) override;

    /// Cuts the power: for every file an arbitrary subset (chosen by `seed`) of its un-synced sectors, its un-synced
    /// size and, for every directory, an arbitrary subset of its un-synced name changes survive. What survives is
    /// durable afterwards. Locks are gone; files and mappings that are still open see the state of before and no longer
    /// reach the file system.
    void crash(std::uint64_t seed);

    /// What a power cut now would leave, as a file system of its own; this one goes on. `seed` is for `unsynced::mixed`.
    /// Cost: a copy of each file with un-synced changes; the others are shared until one of the two writes to them.
    [[nodiscard]] std::unique_ptr<memory_file_system> after_crash(unsynced rest, std::uint64_t seed = 0) const;

    /// Bytes held by files.
    [[nodiscard]] std::uint64_t bytes() const;

    /// A disk of this size: what would grow files beyond it gives resource_exhausted, with nothing written. What
    /// `file::reserve` sets aside counts, until its file is removed.
    void set_capacity(std::uint64_t bytes);

    struct state;  ///< defined in the source; shared with open files

private:
    std::shared_ptr<state> state_;
};

}  // namespace vecstore::storage
