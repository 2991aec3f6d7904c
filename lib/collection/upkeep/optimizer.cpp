#include "optimizer.hpp"

#include "checkpoint.hpp"

#include <collection/part/index_build.hpp>
#include <collection/slots.hpp>

#include <algorithm>
#include <bit>
#include <utility>

namespace vecstore::detail {
namespace {

constexpr row_id rows_between_checks = 64;

/// Size class: parts of up to 4,096 rows, 16,384, 65,536, ...
int tier_of(const part& p) noexcept { return std::max(0, (static_cast<int>(std::bit_width(p.size() - 1u)) - 11) / 2); }

bool mostly_dead(const part& p) noexcept {
    return static_cast<double>(p.dead_rows()) > dead_share_max * static_cast<double>(p.size());
}

std::optional<optimizer_job> tiered_job(std::size_t slot, const part_list& parts, const vector_options& options) {
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
        if (lacks_index(*p, options)) return optimizer_job{slot, {p}, false};
    return std::nullopt;
}

/// Writes the rows of `inputs` that may still be visible; null when there are none.
result<std::shared_ptr<const part>> rewrite(storage::file_system& files, const std::string& directory,
                                            collection_state& state, const optimizer_job& job,
                                            const job_control& control) {
    const auto& options = slot_options(state.options(), job.slot);
    const auto pinned = state.pin();
    std::optional<part_writer> writer;
    std::uint64_t written = 0;
    for (const auto& input : job.inputs) {
        VECSTORE_CHECK(input->verify());
        for (row_id row = 0; row < input->size(); ++row) {
            if (row % rows_between_checks == 0) {
                if (control.wrote) control.wrote(std::exchange(written, 0));
                if (control.keep_going && !control.keep_going(0, 0))
                    return error{errc::cancelled, "optimizing was cancelled"};
            }
            const auto ordinal = input->ordinal_of(row);
            if (!pinned->deaths->alive_at(ordinal, control.droppable_lsn)) continue;
            if (!writer) {
                VECSTORE_TRY(auto created, part_writer::create(files, directory, state.take_part_number(), options));
                writer.emplace(std::move(created));
            }
            const auto bytes = input->row(row);
            VECSTORE_CHECK(writer->append(ordinal, bytes, input->identity_of(row)));
            written += bytes.size();
        }
    }
    if (!writer) return std::shared_ptr<const part>();
    VECSTORE_TRY(const auto descriptor, writer->finish());
    return part::open(files, directory, descriptor, options);
}

}  // namespace

std::optional<optimizer_job> next_job(const collection_state& state) {
    const auto pinned = state.pin();
    if (!pinned || pinned->dropped) return std::nullopt;
    for (std::size_t slot = 0; slot < pinned->vectors.size(); ++slot)
        if (auto job = tiered_job(slot, *pinned->vectors[slot].parts, slot_options(state.options(), slot))) return job;
    return std::nullopt;
}

bool may_wait(const collection_state& state, const optimizer_job& job) {
    const auto pinned = state.pin();
    std::size_t bytes = 0;
    for (const auto& p : *pinned->vectors[job.slot].parts) {
        if (!lacks_index(*p, slot_options(state.options(), job.slot))) continue;
        if (p->codes() == nullptr) return false;
        bytes += p->codes()->memory_bytes();
    }
    return bytes <= waiting_bytes_max;
}

std::optional<optimizer_job> full_job(const collection_state& state, std::size_t slot) {
    const auto pinned = state.pin();
    if (!pinned || pinned->dropped) return std::nullopt;
    const auto& parts = *pinned->vectors[slot].parts;
    const bool dead = std::any_of(parts.begin(), parts.end(), [](const auto& p) { return p->dead_rows() > 0; });
    if (parts.size() > 1 || dead) return optimizer_job{slot, parts, true};
    if (parts.size() == 1 && lacks_index(*parts[0], slot_options(state.options(), slot)))
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
    const auto& options = slot_options(state.options(), job.slot);
    if (output != nullptr && lacks_index(*output, options)) {
        auto indexed =
            build_indexes(files, directory, *output, options, control, job.rewrite ? job.inputs : part_list());
        if (!indexed) {
            if (job.rewrite) (void)files.remove(part_path(directory, output->descriptor().number));
            return std::move(indexed).error();
        }
        output = *std::move(indexed);
    }
    return optimizer_outcome{job.slot, job.inputs, std::move(output)};
}

}  // namespace vecstore::detail
