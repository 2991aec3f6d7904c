#include "state.hpp"

#include "lookup.hpp"
#include "slots.hpp"

#include <algorithm>

namespace vecstore::detail {

collection_state::collection_state(collection_id id, std::string name, collection_options options)
    : id_(id),
      name_(std::move(name)),
      options_(std::move(options)),
      encoders_(options_),
      queries_(slot_count(options_)),
      deaths_(std::make_shared<tombstones>()),
      edits_(std::make_shared<ordinal_set>()) {
    const auto no_parts = std::make_shared<const part_list>();
    parts_.assign(slot_count(options_), no_parts);
    auto notes = std::make_shared<collection_notes>();
    notes->metadata = options_.metadata;
    for (const auto& vector : options_.vectors) notes->models.push_back(vector.model);
    notes_ = std::move(notes);
    start_generation();
}

collection_options collection_state::options_with(const collection_notes& notes) const {
    auto options = options_;
    options.metadata = notes.metadata;
    for (std::size_t slot = 0; slot < options.vectors.size(); ++slot) options.vectors[slot].model = notes.models[slot];
    return options;
}

void collection_state::annotate(const payload::document& document) {
    auto fresh = std::make_shared<collection_notes>();
    if (const auto* metadata = document["metadata"].if_object()) fresh->metadata = *metadata;
    const auto& models = document["models"];
    for (const auto& vector : options_.vectors) {
        const auto* model = models.is_object() ? models.if_object()->find(vector.name) : nullptr;
        fresh->models.emplace_back(model != nullptr ? model->string_or("") : "");
    }
    notes_ = std::move(fresh);
}

void collection_state::start_generation() {
    changes_ = std::make_shared<overlay>(ordinal_end_);
    due_.clear();
    memtables_.clear();
    for (std::size_t slot = 0; slot < slot_count(options_); ++slot) {
        const auto& vector = slot_options(options_, slot);
        memtables_.push_back(std::make_shared<memtable>(vector.dim, vector.type, vector.metric, rows_vary(vector)));
    }
}

void collection_state::sample_queries() noexcept {
    for (std::size_t slot = 0; slot < options_.vectors.size(); ++slot) {
        const auto& vector = options_.vectors[slot];
        const bool bits = vector.type == element_type::binary;
        queries_[slot].start(bits ? row_bytes(vector.type, vector.dim) : vector.dim * sizeof(float));
    }
}

void collection_state::restore(restored_state restored, std::uint64_t lsn) {
    ordinal_end_ = restored.ordinal_end;
    point_count_ = restored.point_count;
    state_hash_ = restored.state_hash;
    next_part_.store(restored.next_part, std::memory_order_relaxed);
    deaths_ = std::move(restored.deaths);
    edits_ = std::move(restored.edits);
    expiring_.store(restored.expiring, std::memory_order_relaxed);
    lost_ = std::move(restored.lost);
    fields_ = std::move(restored.fields);
    sealed_.reset();
    start_generation();
    set_parts(std::move(restored.parts));
    publish(lsn);
}

void collection_state::take_over(collection_state& fresh) {
    ordinal_end_ = fresh.ordinal_end_;
    point_count_ = fresh.point_count_;
    state_hash_ = fresh.state_hash_;
    notes_ = fresh.notes_;
    deaths_ = fresh.deaths_;
    edits_ = fresh.edits_;
    parts_ = fresh.parts_;
    fields_ = fresh.fields_;
    changes_ = fresh.changes_;
    memtables_ = fresh.memtables_;
    expiring_.store(fresh.expiring(), std::memory_order_relaxed);
    sealed_.reset();
    publish(fresh.lsn_);
}

void collection_state::publish(std::uint64_t lsn) {
    lsn_ = lsn;
    view fresh;
    fresh.lsn = lsn;
    fresh.ordinal_end = ordinal_end_;
    fresh.point_count = point_count_;
    fresh.state_hash = state_hash_;
    fresh.notes = notes_;
    fresh.dropped = dropped_;
    fresh.expiring = expiring();
    fresh.deaths = deaths_;
    fresh.edits = edits_;
    fresh.lost = lost_;
    fresh.fields = fields_;
    fresh.overlays.push_back(changes_);
    if (sealed_) fresh.overlays.push_back(sealed_->changes);
    fresh.vectors.resize(slot_count(options_));
    for (std::size_t slot = 0; slot < fresh.vectors.size(); ++slot) {
        auto& rows = fresh.vectors[slot];
        rows.parts = parts_[slot];
        if (sealed_ && sealed_->memtables[slot]->size() > 0)
            rows.memtables.push_back({sealed_->memtables[slot], sealed_->memtables[slot]->size()});
        if (memtables_[slot]->size() > 0) rows.memtables.push_back({memtables_[slot], memtables_[slot]->size()});
    }
    view_.publish(std::move(fresh));
}

void collection_state::publish_dropped(std::uint64_t lsn) {
    dropped_ = true;
    publish(lsn);
}

void collection_state::seal(std::uint64_t lsn) {
    sealed_.emplace(sealed_changes{lsn,
                                   ordinal_end_,
                                   point_count_,
                                   state_hash_,
                                   notes_,
                                   changes_,
                                   {memtables_.begin(), memtables_.end()},
                                   std::move(due_),
                                   fields_,
                                   std::exchange(dropped_fields_, {})});
    start_generation();
    publish(lsn);
}

void collection_state::set_parts(std::vector<part_list> parts) {
    for (std::size_t slot = 0; slot < parts.size(); ++slot) {
        const auto& before = *parts_[slot];
        for (const auto& part : parts[slot]) {
            if (std::find(before.begin(), before.end(), part) != before.end()) continue;
            for (row_id row = 0; row < part->size(); ++row)
                if (const auto ordinal = part->ordinal_of(row); deaths_->died_at(ordinal) != 0)
                    part->note_death(ordinal);
        }
        parts_[slot] = std::make_shared<const part_list>(std::move(parts[slot]));
    }
}

std::vector<field_run> collection_state::install(std::vector<part_list> parts, bool drop_sealed,
                                                 std::vector<made_run> runs) {
    set_parts(std::move(parts));
    auto left_over = add_runs(std::move(runs));
    // From what was published, not from what was applied: a record that failed half-way must stay unseen.
    auto fresh = *view_.pin();
    for (std::size_t slot = 0; slot < fresh.vectors.size(); ++slot) {
        auto& rows = fresh.vectors[slot];
        rows.parts = parts_[slot];
        if (drop_sealed)
            std::erase_if(rows.memtables, [&](const auto& m) { return m.table == sealed_->memtables[slot]; });
    }
    if (drop_sealed) {
        std::erase(fresh.overlays, sealed_->changes);
        first_living_expiry_.clear();  // the tables hold more now
        sealed_.reset();
    }
    fresh.fields = fields_;
    view_.publish(std::move(fresh));
    return left_over;
}

std::vector<field_run> collection_state::add_runs(std::vector<made_run> runs) {
    std::vector<field_run> left_over;
    for (auto& [index, run] : runs) {
        const auto has_id = [id = index](const auto& field) { return field->id() == id; };
        const auto field = std::find_if(fields_->begin(), fields_->end(), has_id);
        if (field == fields_->end()) {
            left_over.push_back(std::move(run));
            continue;
        }
        auto list = (*field)->runs();
        list.push_back(std::move(run));
        fields_ = with_field(*fields_, (*field)->with(std::move(list), (*field)->complete()));
    }
    return left_over;
}

void collection_state::create_field(std::uint64_t lsn, const std::string& path, const field_schema& schema) {
    drop_field(path);
    fields_ = with_field(*fields_, std::make_shared<const indexed_field>(lsn, path, schema));
}

void collection_state::drop_field(const std::string& path) {
    const auto at = std::find_if(fields_->begin(), fields_->end(), [&](const auto& f) { return f->path() == path; });
    if (at == fields_->end()) return;
    dropped_fields_.push_back(*at);
    fields_ = without_field(*fields_, path);
}

bool collection_state::install_field(std::shared_ptr<const indexed_field> field) {
    const auto* now = find_field(*fields_, field->path());
    if (now == nullptr || now->id() != field->id()) return false;
    fields_ = with_field(*fields_, std::move(field));
    auto fresh = *view_.pin();
    fresh.fields = fields_;
    view_.publish(std::move(fresh));
    return true;
}

std::vector<part_list> collection_state::parts() const {
    std::vector<part_list> lists;
    for (const auto& list : parts_) lists.push_back(*list);
    return lists;
}

void collection_state::note_death(ordinal_id ordinal) const noexcept {
    for (const auto& list : parts_)
        for (const auto& part : *list) part->note_death(ordinal);
}

result<std::optional<ordinal_id>> collection_state::find(const point_id& id, storage::table_reader& tables) const {
    const overlay* const generations[] = {changes_.get(), sealed_ ? sealed_->changes.get() : nullptr};
    return find_ordinal(std::span(generations, sealed_ ? 2u : 1u), ~std::uint64_t{0}, id_, id, tables);
}

}  // namespace vecstore::detail
