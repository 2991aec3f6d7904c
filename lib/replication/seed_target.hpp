/// Takes a copy of another member's database: asks for the files of a snapshot that it was offered, several pieces at a time, puts them
/// into `<directory>/incoming`, and makes it ready (lib/database/seed.hpp). The database in the directory goes on
/// as it is meanwhile. Once the copy is ready, the database has to be closed and opened anew, which puts it in place.
/// Pieces are asked for again when they do not come, so that connections may break. A source that falls silent is given up,
/// and the next offer is taken.
/// Thread safety: all functions by the thread of the replica; checking is done by `work`.
#pragma once

#include "ports.hpp"
#include "seed_message.hpp"

#include <vecstore/database/database.hpp>

#include <functional>
#include <memory>

namespace vecstore::replication {

enum class seed_stage : std::uint8_t {
    none,      ///< nothing is offered, or wanted
    loading,   ///< pieces are under way
    checking,  ///< all is there, and is compared with its checksums and its state hash
    ready,     ///< close the database and open it again
};

struct seed_status {
    seed_stage stage = seed_stage::none;
    node_id source{};
    std::uint64_t lsn = 0;  ///< of the copy
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
};

struct seed_target_options {
    std::function<void(std::function<void()>)> post;  ///< as in seed_source_options
    std::function<void(std::function<void()>)> work;
    /// Whether a copy as of that position is of use; asked when it is offered. E.g. not while leading, and not if the log has it.
    std::function<bool(const position&)> wanted;
    std::uint32_t piece_bytes = 1u << 20;  ///< up to seed_chunk_bytes_max
    std::size_t pieces_under_way = 4;
    time_us ask_again_us = 1'000'000;
    time_us give_up_us = 15'000'000;  ///< without a piece
    /// Called when the stage changes, or something fails (then with the error); null: nobody.
    std::function<void(const seed_status&, const result<void>&)> changed = {};
};

class seed_target {
public:
    /// `net` must outlive it.  Errors: unsupported (in memory).
    [[nodiscard]] static result<std::unique_ptr<seed_target>> open(const database& db, network& net,
                                                                   const seed_target_options& options);
    ~seed_target();

    /// True when it was a frame for a target.
    bool receive(time_us now, const node_id& from, byte_span frame);
    void tick(time_us now);
    [[nodiscard]] seed_status status() const;

private:
    struct shared;
    explicit seed_target(std::shared_ptr<shared> inner) noexcept : shared_(std::move(inner)) {}
    std::shared_ptr<shared> shared_;
};

}  // namespace vecstore::replication
