#include "optimizer.hpp"

#include "calibration.hpp"
#include "checkpoint.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <new>
#include <system_error>
#include <thread>

namespace vecstore::detail {
namespace {

constexpr std::uint64_t graph_seed = 0x7665'6373'746F'7265;
constexpr row_id rows_between_checks = 64;

/// Size class: parts of up to 4,096 rows, 16,384, 65,536, ...
int tier_of(const part& p) noexcept { return std::max(0, (static_cast<int>(std::bit_width(p.size() - 1u)) - 11) / 2); }

bool mostly_dead(const part& p) noexcept {
    return static_cast<double>(p.dead_rows()) > dead_share_max * static_cast<double>(p.size());
}

std::optional<optimizer_job> tiered_job(std::size_t slot, const part_list& parts) {
    // The longest run of neighbours, all of one class or smaller, that has at least merge_width of the largest class.
    for (std::size_t first = 0; first < parts.size(); ++first) {
        const int tier = tier_of(*parts[first]);
        std::size_t last = first, of_tier = 0;
        for (; last < parts.size() && tier_of(*parts[last]) <= tier; ++last) of_tier += tier_of(*parts[last]) == tier;
        if (of_tier >= merge_width)
            return optimizer_job{
                slot,
                {parts.begin() + static_cast<std::ptrdiff_t>(first), parts.begin() + static_cast<std::ptrdiff_t>(last)},
                true};
    }
    for (const auto& p : parts)
        if (mostly_dead(*p)) return optimizer_job{slot, {p}, true};
    for (const auto& p : parts)
        if (p->graph() == nullptr && p->size() >= graph_rows_min) return optimizer_job{slot, {p}, false};
    return std::nullopt;
}

/// Writes the rows of `inputs` that may still be visible; null when there are none.
result<std::shared_ptr<const part>> rewrite(storage::file_system& files, const std::string& directory,
                                            collection_state& state, const optimizer_job& job,
                                            const job_control& control) {
    const auto& options = state.options().vectors[job.slot];
    const auto pinned = state.pin();
    std::optional<part_writer> writer;
    for (const auto& input : job.inputs) {
        for (row_id row = 0; row < input->size(); ++row) {
            if (row % rows_between_checks == 0 && control.keep_going && !control.keep_going(0, 0))
                return error{errc::cancelled, "optimizing was cancelled"};
            const auto ordinal = input->ordinal_of(row);
            if (!pinned->deaths->alive_at(ordinal, control.droppable_lsn)) continue;
            if (!writer) {
                VECSTORE_TRY(auto created, part_writer::create(files, directory, state.take_part_number(), options));
                writer.emplace(std::move(created));
            }
            VECSTORE_CHECK(writer->append(ordinal, input->vectors().at(row), input->identity_of(row)));
        }
    }
    if (!writer) return std::shared_ptr<const part>();
    VECSTORE_TRY(const auto descriptor, writer->finish());
    return part::open(files, directory, descriptor, options);
}

/// Links all rows with `control.threads` threads. One thread links in order, so that the graph is reproducible.
result<void> link_rows(index::hnsw<index::contiguous_rows>& graph, row_id rows, const job_control& control) {
    std::atomic<row_id> next{0};
    std::atomic<bool> stop{false}, out_of_memory{false};
    const auto work = [&](bool watches) noexcept {
        try {
            for (auto first = next.fetch_add(rows_between_checks); first < rows && !stop;
                 first = next.fetch_add(rows_between_checks)) {
                for (auto row = first; row < std::min(rows, first + rows_between_checks); ++row) graph.link(row);
                if (watches && control.keep_going &&
                    !control.keep_going(std::min(rows, first + rows_between_checks), rows))
                    stop = true;
            }
        } catch (const std::bad_alloc&) {
            out_of_memory = true;
            stop = true;
        }
    };
    std::vector<std::thread> others;
    try {
        for (unsigned t = 1; t < control.threads; ++t) others.emplace_back(work, false);
    } catch (const std::system_error&) {  // fewer threads than asked: slower, as good
    }
    work(true);
    for (auto& thread : others) thread.join();
    if (out_of_memory) return error{errc::resource_exhausted, "out of memory while building a graph"};
    if (stop) return error{errc::cancelled, "optimizing was cancelled"};
    return {};
}

/// The same part, with a graph.
result<std::shared_ptr<const part>> add_graph(storage::file_system& files, const std::string& directory,
                                              const vector_options& options, const part& p,
                                              const job_control& control) {
    index::hnsw_options graph_options;
    graph_options.dim = options.dim;
    graph_options.metric = options.metric;
    graph_options.type = options.type;
    graph_options.m = options.m;
    graph_options.ef_construct = options.ef_construct;
    graph_options.seed = graph_seed;
    index::hnsw<index::contiguous_rows> graph(graph_options, p.vectors());
    VECSTORE_CHECK(link_rows(graph, p.size(), control));
    const auto bytes = index::freeze(graph);
    VECSTORE_TRY(const auto frozen, index::frozen_graph::open(bytes.header, bytes.level0, bytes.upper, p.size()));
    const auto calibration = calibrate(frozen, p.vectors(), options);
    auto descriptor = p.descriptor();
    VECSTORE_TRY(descriptor.graph_root, write_graph(files, directory, p, bytes, calibration));
    return part::open(files, directory, descriptor, options);
}

}  // namespace

std::optional<optimizer_job> next_job(const collection_state& state) {
    const auto pinned = state.pin();
    if (!pinned || pinned->dropped) return std::nullopt;
    for (std::size_t slot = 0; slot < pinned->vectors.size(); ++slot)
        if (auto job = tiered_job(slot, *pinned->vectors[slot].parts)) return job;
    return std::nullopt;
}

std::optional<optimizer_job> full_job(const collection_state& state, std::size_t slot) {
    const auto pinned = state.pin();
    if (!pinned || pinned->dropped) return std::nullopt;
    const auto& parts = *pinned->vectors[slot].parts;
    const bool dead = std::any_of(parts.begin(), parts.end(), [](const auto& p) { return p->dead_rows() > 0; });
    if (parts.size() > 1 || dead) return optimizer_job{slot, parts, true};
    if (parts.size() == 1 && parts[0]->graph() == nullptr && parts[0]->size() >= graph_rows_min)
        return optimizer_job{slot, parts, false};
    return std::nullopt;
}

result<optimizer_outcome> run_job(storage::file_system& files, const std::string& root, collection_state& state,
                                  const optimizer_job& job, const job_control& control) {
    const auto directory = part_directory(root, state.id(), job.slot);
    auto output = job.inputs.front();
    if (job.rewrite) {
        VECSTORE_TRY(output, rewrite(files, directory, state, job, control));
    }
    if (output != nullptr && output->size() >= graph_rows_min) {
        auto with_graph = add_graph(files, directory, state.options().vectors[job.slot], *output, control);
        if (!with_graph) {
            if (job.rewrite) (void)files.remove(part_path(directory, output->descriptor().number));
            return std::move(with_graph).error();
        }
        output = *std::move(with_graph);
    }
    return optimizer_outcome{job.slot, job.inputs, std::move(output)};
}

}  // namespace vecstore::detail
