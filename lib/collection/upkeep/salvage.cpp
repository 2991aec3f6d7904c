#include "salvage.hpp"

#include <vecstore/storage/memory_file_system.hpp>

#include <collection/lookup.hpp>
#include <collection/slots.hpp>
#include <collection/tables.hpp>

#include <algorithm>
#include <optional>

namespace vecstore::detail {
namespace {

using storage::fourcc;

/// Which bytes of a block file are right.
class readable_bytes {
public:
    explicit readable_bytes(const storage::block_file& file) : right_(static_cast<std::size_t>(file.block_count())) {
        for (std::size_t i = 0; i < right_.size(); ++i) right_[i] = file.verify(i, 1).has_value();
    }
    [[nodiscard]] bool covers(std::uint64_t offset, std::uint64_t bytes) const noexcept {
        if (bytes == 0) return true;
        for (auto block = offset / storage::block_bytes; block <= (offset + bytes - 1) / storage::block_bytes; ++block)
            if (block >= right_.size() || !right_[static_cast<std::size_t>(block)]) return false;
        return true;
    }

private:
    std::vector<bool> right_;
};

struct section {
    byte_span bytes;
    std::uint64_t offset = 0;
};

std::optional<section> section_of(const storage::block_file& file, std::uint32_t name) {
    if (!file.has_section(name)) return std::nullopt;
    const auto bytes = file.section(name);
    const auto offset = file.section_offset(name);
    if (!bytes || !offset) return std::nullopt;
    return section{*bytes, *offset};
}

/// Where rows lie in their section: one after another, or, when they have a length each, where another section says.
class row_places {
public:
    struct place {
        std::size_t first = 0;
        std::size_t bytes = 0;
        std::size_t kept = 0;  ///< without padding
    };

    row_places(const storage::block_file& file, const readable_bytes& readable, std::size_t bytes, std::size_t rows,
               const vector_options& options)
        : readable_(readable), bytes_(bytes) {
        unit_ = row_unit(options);
        if (rows_vary(options)) {
            offsets_ = section_of(file, fourcc("OFFS"));
            known_ = offsets_ && offsets_->bytes.size() == (rows + 1) * sizeof(std::uint64_t);
        } else {
            stride_ = bytes / rows;
            known_ = bytes % rows == 0 && stride_ >= unit_;
        }
    }
    [[nodiscard]] bool known() const noexcept { return known_; }
    /// Nothing when it cannot be read.
    [[nodiscard]] std::optional<place> of(std::size_t row) const noexcept {
        if (!offsets_) return place{row * stride_, stride_, unit_};
        const auto at = row * sizeof(std::uint64_t);
        if (!readable_.covers(offsets_->offset + at, 2 * sizeof(std::uint64_t))) return std::nullopt;
        const auto first = load_le<std::uint64_t>(offsets_->bytes.data() + at);
        const auto end = load_le<std::uint64_t>(offsets_->bytes.data() + at + sizeof(std::uint64_t));
        if (first > end || end > bytes_ || (end - first) % unit_ != 0) return std::nullopt;
        return place{first, end - first, end - first};
    }

private:
    const readable_bytes& readable_;
    std::size_t bytes_;
    std::optional<section> offsets_;
    std::size_t stride_ = 0, unit_ = 0;
    bool known_ = false;
};

salvaged_part all_lost(const part_descriptor& d) { return {nullptr, {{d.first_ordinal, d.last_ordinal}}, d.rows}; }

/// Collects the ordinals of rows that cannot be read; of one whose ordinal cannot be read either, all that it may be.
class loss {
public:
    explicit loss(const part_descriptor& d) : next_(d.first_ordinal), last_(d.last_ordinal) {}
    void good(ordinal_id ordinal) {
        if (unknown_ && ordinal > next_) add(next_, ordinal - 1);
        unknown_ = false;
        next_ = ordinal + 1;
    }
    void bad(std::optional<ordinal_id> ordinal) {
        ++rows_;
        if (!ordinal) {
            unknown_ = true;
        } else {
            good(*ordinal);
            add(*ordinal, *ordinal);
        }
    }
    void finish(salvaged_part& into) {
        if (unknown_ && next_ <= last_) add(next_, last_);
        into.lost = std::move(ranges_);
        into.lost_rows = rows_;
    }

private:
    void add(ordinal_id first, ordinal_id last) {
        if (!ranges_.empty() && ranges_.back().last + 1 == first)
            ranges_.back().last = last;
        else
            ranges_.push_back({first, last});
    }
    ordinal_id next_, last_;
    bool unknown_ = false;
    std::uint64_t rows_ = 0;
    std::vector<ordinal_range> ranges_;
};

}  // namespace

result<salvaged_part> salvage_part(storage::file_system& files, const std::string& directory,
                                   const part_descriptor& descriptor, const vector_options& options,
                                   const salvage_target& target) {
    const auto file = storage::block_file::open(files, part_path(directory, descriptor.number), fourcc("VPRT"),
                                                storage::verify_mode::footer);
    if (!file || (*file)->root() != descriptor.root) return all_lost(descriptor);
    const auto vectors = section_of(**file, fourcc("VECS"));
    const auto ordinals = section_of(**file, fourcc("ORDN"));
    const auto identities = section_of(**file, fourcc("IDNT"));
    const std::size_t rows = descriptor.rows;
    if (!vectors || !ordinals || rows == 0 || ordinals->bytes.size() != rows * sizeof(ordinal_id))
        return all_lost(descriptor);
    const readable_bytes readable(**file);
    const row_places places(**file, readable, vectors->bytes.size(), rows, options);
    if (!places.known()) return all_lost(descriptor);
    const bool named = identities && identities->bytes.size() == rows * identity_bytes &&
                       readable.covers(identities->offset, identities->bytes.size());
    std::optional<part_writer> writer;
    loss lost(descriptor);
    for (std::size_t row = 0; row < rows; ++row) {
        std::optional<ordinal_id> ordinal;
        if (readable.covers(ordinals->offset + row * sizeof(ordinal_id), sizeof(ordinal_id)))
            ordinal = load_le<ordinal_id>(ordinals->bytes.data() + row * sizeof(ordinal_id));
        const auto place = places.of(row);
        if (!ordinal || !place || !readable.covers(vectors->offset + place->first, place->bytes)) {
            lost.bad(ordinal);
            continue;
        }
        lost.good(*ordinal);
        if (!writer) {
            VECSTORE_TRY(auto created, part_writer::create(target.files, target.directory, target.number, options));
            writer.emplace(std::move(created));
        }
        std::optional<row_identity> identity;
        if (named) identity = unpack_identity(identities->bytes.data() + row * identity_bytes);
        VECSTORE_CHECK(writer->append(*ordinal, vectors->bytes.subspan(place->first, place->kept), identity));
    }
    salvaged_part saved;
    lost.finish(saved);
    if (!writer) return saved;
    VECSTORE_TRY(const auto written, writer->finish());
    VECSTORE_TRY(saved.rest, part::open(target.files, target.directory, written, options));
    return saved;
}

result<std::shared_ptr<const part>> open_or_salvage(storage::file_system& files, const std::string& directory,
                                                    const part_descriptor& descriptor, const vector_options& options,
                                                    std::vector<ordinal_range>& lost, salvage_log& log) {
    const auto path = part_path(directory, descriptor.number);
    const auto whole = storage::block_file::open(files, path, fourcc("VPRT"), storage::verify_mode::all);
    auto opened =
        whole ? part::open(files, directory, descriptor, options) : result<std::shared_ptr<const part>>(whole.error());
    if (opened) return opened;
    storage::memory_file_system memory;
    VECSTORE_TRY(auto saved,
                 salvage_part(files, directory, descriptor, options, {memory, directory, descriptor.number}));
    lost.insert(lost.end(), saved.lost.begin(), saved.lost.end());
    log.lost_vectors += saved.lost_rows;
    log.note(std::to_string(saved.lost_rows) + " of " + std::to_string(descriptor.rows) + " vectors of " + path +
             " cannot be read: " + opened.error().what());
    return std::move(saved.rest);
}

result<void> salvage_points(storage::table_reader& tables, collection_id collection, restored_state& restored,
                            lost_data& lost, salvage_log& log) {
    ordinal_set present;
    restored.point_count = 0;
    VECSTORE_TRY(const auto points, tables.cursor(tables::points));
    VECSTORE_CHECK(points->seek(tables::collection_key(collection)));
    for (; points->valid() && tables::of_collection(points->key(), collection);) {
        byte_reader key(points->key().subspan(sizeof(collection_id)));
        const auto ordinal = key.get_big_endian<ordinal_id>();
        if (key.finished() && ordinal < restored.ordinal_end && parse_point(points->value())) {
            present.insert(ordinal);
            ++restored.point_count;
        }
        VECSTORE_CHECK(points->next());
    }
    VECSTORE_TRY(const auto ids, tables.cursor(tables::ids));
    VECSTORE_CHECK(ids->seek(tables::collection_key(collection)));
    for (; ids->valid() && tables::of_collection(ids->key(), collection);) {
        if (ids->value().size() == sizeof(ordinal_id))
            if (const auto ordinal = load_le<ordinal_id>(ids->value().data()); !present.contains(ordinal)) {
                lost.points.insert(ordinal);
                ++log.lost_points;
            }
        VECSTORE_CHECK(ids->next());
    }
    // A dead ordinal has no point, so one without a point is dead or lost, and must not be found in either case.
    for (const auto& list : restored.parts)
        for (const auto& p : list)
            for (row_id row = 0; row < p->size(); ++row)
                if (const auto ordinal = p->ordinal_of(row);
                    !present.contains(ordinal) && restored.deaths->died_at(ordinal) == 0)
                    restored.deaths->set(ordinal, 1);
    return {};
}

}  // namespace vecstore::detail
