/// The log as it is: segment files of `wal::writer` on a disk in memory that loses what was not synced, beside the model that the
/// checker looks at. The two must agree; after a crash the model is what recovery has found.
#pragma once

#include "sim_log.hpp"

#include <vecstore/storage/memory_file_system.hpp>
#include <vecstore/wal/reader.hpp>

#include <replication/file_log.hpp>
#include <support/fault_file_system.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace vecstore::sim {

class disk_log final : public replication::replica_log {
public:
    struct hooks {
        std::function<bool()> dies_here;  ///< asked at each operation on a file
        std::function<bool()> is_full;
        std::function<void(const std::string&)> fail;  ///< a violation
    };
    /// `model` is changed along; `seed` chooses sizes and what crashes leave.
    disk_log(sim_log& model, std::uint64_t seed, hooks with);
    ~disk_log() override;

    [[nodiscard]] replication::position last() const override { return replication::file_log::last(*writer_); }
    [[nodiscard]] std::uint64_t first_lsn() const override { return replication::file_log::first_lsn(*writer_); }
    [[nodiscard]] std::optional<replication::position> at(std::uint64_t lsn) const override {
        return replication::file_log::at(*writer_, lsn);
    }
    result<void> append(std::span<const wal::record> records) override;
    void start_sync(std::uint64_t id) override;
    result<void> cut(std::uint64_t lsn) override;
    [[nodiscard]] result<std::uint64_t> read(std::uint64_t from_lsn, std::size_t bytes_max,
                                             byte_writer& out) const override;

    /// The sync that was started ends, well or not.
    void sync_ends(std::uint64_t id, std::uint64_t count, bool ok);
    /// Cuts the power (where the node began to die) and recovers. `known_durable`: of a checkpoint.
    void crash(std::uint64_t known_durable);

private:
    /// When the node began to die: what the disk holds, and what must be found on it.
    struct death {
        std::shared_ptr<storage::memory_file_system> disk;
        std::vector<sim_log::entry> entries;
        std::uint64_t durable = 0;
    };
    void watch();
    void open(std::uint64_t known_durable);
    void compare(const char* when);
    [[nodiscard]] death now() const;

    sim_log& model_;
    random_source random_;
    hooks hooks_;
    std::shared_ptr<storage::memory_file_system> disk_;
    std::unique_ptr<test::fault_file_system> files_;
    std::optional<wal::writer> writer_;
    mutable std::optional<replication::file_log> log_;
    std::map<std::uint64_t, wal::sync_point> syncs_;
    std::optional<std::uint64_t> cutting_to_;
    std::optional<death> death_;
};

}  // namespace vecstore::sim
