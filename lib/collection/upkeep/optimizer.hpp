/// Keeps the parts of a vector few, indexed and free of dead rows.
/// A job takes a run of neighbouring parts, writes their living rows as one part, and builds its indexes; or builds the
/// indexes that a part lacks. Readers use the old parts until the new one is installed.
/// Merging is tiered (size classes with ratio 4, four of a class are merged), so that each row is rewritten O(log rows)
/// times.
/// Thread safety: one job of a database at a time; beside readers and writers.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>

#include <collection/state.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace vecstore::detail {

inline constexpr std::size_t merge_width = 4;
/// While rows come faster than indexes can be built, so many bytes of codes may be scanned instead: about two milliseconds.
inline constexpr std::size_t waiting_bytes_max = std::size_t{32} << 20;
/// A part with more dead rows than this share is rewritten, and its indexes are measured again. Until then what was
/// measured holds: a walk goes on until it has as many living rows as it would have had of all.
inline constexpr double dead_share_max = 0.2;

struct optimizer_job {
    std::size_t slot = 0;
    part_list inputs;      ///< neighbours, ascending
    bool rewrite = false;  ///< write the living rows anew; else only build the indexes it lacks
};

/// What a job made. `output` is null when no row was left.
struct optimizer_outcome {
    std::size_t slot = 0;
    part_list inputs;
    std::shared_ptr<const part> output;
};

/// How a job is watched over.
struct job_control {
    std::uint64_t droppable_lsn = 0;  ///< rows that died up to here may be left out: their deaths are in the checkpoint
    unsigned threads = 1;             ///< threads that build the indexes, the caller's included
    /// Called now and then by the calling thread; false cancels the job.
    std::function<bool(std::size_t rows_done, std::size_t rows)> keep_going;
    /// Told what was written since the last call, before `keep_going` is asked; may be empty.
    std::function<void(std::uint64_t bytes)> wrote = {};
};

/// The most useful job, if there is one.
[[nodiscard]] std::optional<optimizer_job> next_job(const collection_state& state);
/// The job that brings one vector into a single part with its indexes and no dead rows; nothing when it is so already.
[[nodiscard]] std::optional<optimizer_job> full_job(const collection_state& state, std::size_t slot);

/// True while what is without an index in the job's vector has codes, and so few that searches do well without the job.
[[nodiscard]] bool may_wait(const collection_state& state, const optimizer_job& job);

/// Errors: cancelled, resource_exhausted, io, corruption. Nothing refers to the files yet.
[[nodiscard]] result<optimizer_outcome> run_job(storage::file_system& files, const std::string& root,
                                                collection_state& state, const optimizer_job& job,
                                                const job_control& control);

}  // namespace vecstore::detail
