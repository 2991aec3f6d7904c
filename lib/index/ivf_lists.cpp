#include <vecstore/core/limits.hpp>
#include <vecstore/index/ivf/lists.hpp>

#include <algorithm>
#include <cmath>

namespace vecstore::index {

using quantization::block_bytes;
using quantization::block_rows;

namespace {

bool known(ivf_code code) noexcept {
    return code == ivf_code::flat || code == ivf_code::int8 || code == ivf_code::pq4 || code == ivf_code::rabitq;
}

bool all_finite(const float* from, std::size_t count) noexcept {
    return std::all_of(from, from + count, [](float x) { return std::isfinite(x); });
}

}  // namespace

result<ivf_lists> ivf_lists::open(byte_span header, byte_span model, byte_span codes, byte_span ids, row_id row_count) {
    ivf_lists lists;
    lists.model_ = model;
    lists.codes_ = codes;
    lists.ids_ = ids;
    VECSTORE_CHECK(lists.read_header(header, row_count));
    VECSTORE_CHECK(lists.check_model());
    VECSTORE_CHECK(lists.read_code_model());
    VECSTORE_CHECK(lists.check_ids());
    return lists;
}

std::size_t ivf_lists::code_block_bytes() const noexcept {
    switch (code_) {
        case ivf_code::flat: return 0;
        case ivf_code::int8: return block_rows * quantization::code_bytes(quantization::code_type::u8, dim_);
        case ivf_code::pq4: return block_bytes(subs());
        case ivf_code::rabitq: return quantization::sign_block_bytes(subs());
    }
    return 0;
}

std::size_t ivf_lists::code_model_bytes() const noexcept {
    constexpr std::size_t codec_bytes = 24;
    switch (code_) {
        case ivf_code::flat: return 0;
        case ivf_code::int8: return codec_bytes;
        case ivf_code::pq4: return subs() * quantization::codebook_stride * sizeof(float);
        case ivf_code::rabitq: return sizeof(std::uint64_t) + list_count_ * sizeof(sign_factors);
    }
    return 0;
}

result<void> ivf_lists::read_header(byte_span header, row_id row_count) {
    byte_reader in(header);
    if (in.get<std::uint32_t>() != ivf_magic) return bad("header: no inverted lists", 0);
    if (in.get<std::uint32_t>() != ivf_version) return bad("header: unknown version", 4);
    row_count_ = in.get<std::uint32_t>();
    dim_ = in.get<std::uint32_t>();
    const auto metric = in.get<std::uint8_t>(), code = in.get<std::uint8_t>();
    const auto reserved = in.get<std::uint16_t>();
    list_count_ = in.get<std::uint32_t>();
    block_count_ = in.get<std::uint32_t>();
    code_error_ = in.get<float>();
    entry_count_ = in.get<std::uint64_t>();
    const auto model = in.get<std::uint64_t>(), codes = in.get<std::uint64_t>(), ids = in.get<std::uint64_t>();
    const auto zero = in.get<std::uint64_t>();
    if (!in.finished() || zero != 0 || reserved != 0)
        return bad("header: wrong size or a bit set that is reserved", 64);
    if (row_count_ != row_count) return bad("header: wrong number of rows", 8);
    if (dim_ == 0 || dim_ > dim_max) return bad("header: dim out of range", 12);
    if (metric < 1 || metric > 4) return bad("header: unknown metric", 16);
    if (!known(static_cast<ivf_code>(code))) return bad("header: unknown code", 17);
    if (list_count_ == 0 || list_count_ > ivf_lists_max) return bad("header: number of lists out of range", 20);
    if (!std::isfinite(code_error_) || code_error_ < 0) return bad("header: bad error of codes", 28);
    metric_ = static_cast<vecstore::metric>(metric);
    code_ = static_cast<ivf_code>(code);
    return check_sizes(model, codes, ids);
}

result<void> ivf_lists::check_sizes(std::uint64_t model, std::uint64_t codes, std::uint64_t ids) const {
    if (block_count_ > row_none / block_rows) return bad("header: too many blocks", 24);
    if (model != model_.size() || model != code_model_at() + code_model_bytes()) return bad("model: wrong size", 0);
    if (codes != codes_.size() || codes != std::uint64_t{block_count_} * code_block_bytes())
        return bad("codes: wrong size", 0);
    if (ids != ids_.size() || ids != std::uint64_t{block_count_} * block_rows * sizeof(row_id))
        return bad("ids: wrong size", 0);
    if (reinterpret_cast<std::uintptr_t>(model_.data()) % alignof(float) != 0)
        return invalid_argument("the model of an ivf must lie on a 4-byte boundary");
    return {};
}

/// All numbers are finite, lists follow each other without gaps and fill the blocks.
result<void> ivf_lists::check_model() {
    if (!all_finite(centroids(), table_at() / sizeof(float))) return bad("model: a centroid is not finite", 0);
    if (!all_finite(mean(), dim_)) return bad("model: the mean is not finite", mean_at());
    std::uint64_t block = 0, entries = 0;
    for (std::size_t i = 0; i < list_count_; ++i) {
        const auto l = at(i);
        const auto offset = table_at() + i * sizeof(list);
        if (l.first_block != block) return bad("model: lists out of order", offset);
        if (!std::isfinite(l.least_term) || !std::isfinite(l.term_step) || l.term_step < 0)
            return bad("model: a term of a list is not finite", offset);
        term_step_max_ = std::max(term_step_max_, l.term_step);
        block += (std::uint64_t{l.entries} + block_rows - 1) / block_rows;
        entries += l.entries;
    }
    if (block != block_count_ || entries != entry_count_) return bad("model: lists do not fill the blocks", table_at());
    return {};
}

result<void> ivf_lists::read_code_model() {
    const auto bytes = model_.subspan(code_model_at());
    if (code_ == ivf_code::pq4) {
        if (!all_finite(codebook(), bytes.size() / sizeof(float)))
            return bad("model: a codeword is not finite", code_model_at());
    } else if (code_ == ivf_code::int8) {
        VECSTORE_TRY(codec_, quantization::scalar_codec::load(bytes));
        if (codec_->type() != quantization::code_type::u8 || codec_->metric() != metric_ || codec_->dim() != dim_)
            return bad("model: a codec of other rows", code_model_at());
    } else if (code_ == ivf_code::rabitq) {
        return read_rotation();
    }
    return {};
}

result<void> ivf_lists::read_rotation() {
    if (metric_ == metric::manhattan) return bad("header: a rotation does not keep this metric", 16);
    const auto finite = [](const quantization::level_scale& s) {
        return std::isfinite(s.least) && s.least >= 0 && std::isfinite(s.step) && s.step >= 0;
    };
    for (std::size_t i = 0; i < list_count_; ++i)
        if (const auto f = factors(i); !finite(f.scale) || !finite(f.error))
            return bad("model: a factor of a list is not finite", code_model_at() + 8 + i * sizeof(sign_factors));
    rotation_.emplace(dim_, load_le<std::uint64_t>(model_.data() + code_model_at()));
    return {};
}

result<void> ivf_lists::check_ids() const {
    for (std::size_t i = 0; i < list_count_; ++i) {
        const auto l = at(i);
        const auto first = first_entry(l), end = first + (l.entries + block_rows - 1) / block_rows * block_rows;
        for (auto entry = first; entry < end; ++entry)
            if (entry < first + l.entries ? id(entry) >= row_count_ : id(entry) != row_none)
                return bad("ids: no such row", entry * sizeof(row_id));
    }
    return {};
}

void ivf_lists::prefetch(const list& l) const noexcept {
    constexpr std::size_t line = 64, lines = 16;
    if (code_ != ivf_code::flat) {
        const auto bytes =
            std::min<std::size_t>(lines * line, (l.entries + block_rows - 1) / block_rows * code_block_bytes());
        for (std::size_t i = 0; i < bytes; i += line) __builtin_prefetch(blocks(l) + i);
    } else {
        __builtin_prefetch(ids_.data() + first_entry(l) * sizeof(row_id));
    }
}

}  // namespace vecstore::index
