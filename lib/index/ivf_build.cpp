#include "index/ivf_encode.hpp"
#include "index/ivf_signs.hpp"
#include "index/ivf_train.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/core/random.hpp>
#include <vecstore/index/ivf.hpp>

#include <atomic>
#include <cmath>
#include <optional>
#include <string>

namespace vecstore::index {

namespace {

using detail::centroid_panels;
using quantization::block_rows;
using quantization::codewords;

/// Few enough that comparing all centroids costs about as much as scanning the lists that a search probes.
std::size_t default_lists(std::size_t rows) {
    const auto lists = static_cast<std::size_t>(2 * std::sqrt(static_cast<double>(rows)));
    return std::clamp<std::size_t>((lists + 31) / 32 * 32, 1, std::min<std::size_t>(rows, 16'384));
}

/// The work of one call of `build_ivf`.
class builder {
public:
    builder(const ivf_options& options, row_id rows, const ivf_row_reader& read, const ivf_keep_going& keep_going)
        : options_(options), rows_(rows), dim_(options.dim), read_(read), keep_going_(keep_going) {}

    result<ivf_bytes> run() {
        VECSTORE_CHECK(check());
        take_sample();
        VECSTORE_CHECK(go_on(0));
        VECSTORE_CHECK(train());
        VECSTORE_CHECK(go_on(rows_));
        VECSTORE_CHECK(assign());
        VECSTORE_CHECK(arrange());
        return write();
    }

private:
    [[nodiscard]] result<void> check() {
        if (dim_ == 0 || dim_ > dim_max) return invalid_argument("ivf: dim is " + std::to_string(dim_));
        if (options_.metric == metric::hamming)
            return error{errc::unsupported, "ivf: bits have no lists around centroids"};
        if (rows_ == 0) return invalid_argument("ivf: there are no rows to learn lists from");
        if (options_.lists > ivf_lists_max) return invalid_argument("ivf: lists is " + std::to_string(options_.lists));
        if (options_.code < ivf_code::flat || options_.code > ivf_code::rabitq)
            return invalid_argument("ivf: unknown code");
        if (options_.code == ivf_code::rabitq && options_.metric == metric::manhattan)
            return error{errc::unsupported, "ivf: a rotation does not keep manhattan distances"};
        if (options_.code == ivf_code::int8 && dim_ > quantization::codec_dim_max)
            return error{errc::unsupported, "ivf: codes of 8 bits have up to " +
                                                std::to_string(quantization::codec_dim_max) + " dimensions"};
        lists_ = options_.lists == 0 ? default_lists(rows_) : std::min<std::size_t>(options_.lists, rows_);
        euclidean_ = options_.metric == metric::euclid || options_.metric == metric::manhattan;
        second_ = options_.second_assignment && options_.code == ivf_code::pq4 &&
                  options_.metric != metric::manhattan && lists_ > 1;
        return {};
    }
    [[nodiscard]] result<void> go_on(std::uint64_t done) const {
        if (keep_going_ && !keep_going_(done, 3 * std::uint64_t{rows_})) return error{errc::cancelled, "ivf build"};
        return {};
    }
    void read_centered(row_id first, std::size_t count, float* out) const {
        read_(first, count, out);
        if (mean_.empty()) return;
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t d = 0; d < dim_; ++d) out[r * dim_ + d] -= mean_[d];
    }

    /// Rows in their order, each with the same chance.
    void take_sample() {
        constexpr std::size_t per_list = 48, least = 16'384;
        const auto wanted = std::min<std::size_t>(rows_, std::max(lists_ * per_list, least));
        random_source random(options_.seed);
        sample_.resize(wanted * dim_);
        std::size_t taken = 0;
        for (row_id row = 0; taken < wanted; ++row)
            if (random.below(rows_ - row) < wanted - taken) read_(row, 1, sample_.data() + taken++ * dim_);
        if (euclidean_) center_sample(wanted);
    }
    void center_sample(std::size_t count) {
        std::vector<double> sums(dim_);
        for (std::size_t i = 0; i < sample_.size(); ++i) sums[i % dim_] += static_cast<double>(sample_[i]);
        mean_.resize(dim_);
        for (std::size_t d = 0; d < dim_; ++d) mean_[d] = static_cast<float>(sums[d] / static_cast<double>(count));
        for (std::size_t i = 0; i < sample_.size(); ++i) sample_[i] -= mean_[i % dim_];
    }
    [[nodiscard]] result<void> train() {
        const auto count = sample_.size() / dim_;
        VECSTORE_TRY(centroids_, detail::train_centroids({dim_, lists_, 10, options_.seed, options_.threads,
                                                          options_.metric == metric::cosine},
                                                         sample_.data(), count));
        panels_ = centroid_panels::make(centroids_.data(), lists_, dim_);
        if (options_.code == ivf_code::int8) {
            sample_ = {};
            codec_ = quantization::scalar_codec::train(quantization::code_type::u8, options_.metric, dim_, rows_,
                                                       [this](std::size_t row, std::span<float> values) {
                                                           read_(static_cast<row_id>(row), 1, values.data());
                                                       });
        }
        if (options_.code == ivf_code::rabitq) {
            rotation_.emplace(dim_, options_.seed);
            factors_.resize(lists_);
        }
        if (options_.code != ivf_code::pq4) return {};
        constexpr std::size_t code_sample = 65'536;
        const auto used = std::min(count, code_sample);
        sample_.resize(used * dim_);
        if (options_.metric != metric::manhattan) take_residuals(used);
        VECSTORE_TRY(codebook_, detail::train_codebook(sample_.data(), used, dim_, options_.seed));
        sample_ = {};
        return {};
    }
    void take_residuals(std::size_t count) {
        const auto& kernels = quantization::active_fast_scan();
        constexpr std::size_t batch = 64;
        detail::in_pieces(count, 16 * batch, options_.threads, [&](std::size_t begin, std::size_t end) {
            std::vector<float> scores(batch * panels_.stride());
            for (auto first = begin; first < end; first += batch) {
                const auto size = std::min(batch, end - first);
                panels_.score(sample_.data() + first * dim_, size, scores.data());
                for (std::size_t r = 0; r < size; ++r) {
                    const auto best = kernels.argmin(scores.data() + r * panels_.stride(), lists_);
                    float* row = sample_.data() + (first + r) * dim_;
                    for (std::size_t d = 0; d < dim_; ++d) row[d] -= centroids_[best * dim_ + d];
                }
            }
        });
    }

    [[nodiscard]] result<void> assign() {
        first_list_.resize(rows_);
        if (second_) second_list_.resize(rows_);
        constexpr std::size_t stretch = 65'536;  // between two looks at `keep_going`
        for (std::size_t begin = 0; begin < rows_; begin += stretch) {
            const auto end = std::min<std::size_t>(rows_, begin + stretch);
            detail::in_pieces(end - begin, 1024, options_.threads,
                              [&](std::size_t from, std::size_t to) { assign_piece(begin + from, begin + to); });
            VECSTORE_CHECK(go_on(rows_ + end));
        }
        return {};
    }
    void assign_piece(std::size_t begin, std::size_t end) {
        constexpr std::size_t batch = 64;
        const auto& kernels = quantization::active_fast_scan();
        std::vector<float> rows(batch * dim_), scores(batch * panels_.stride()), others(second_ ? scores.size() : 0);
        for (auto first = begin; first < end; first += batch) {
            const auto count = std::min(batch, end - first);
            read_centered(static_cast<row_id>(first), count, rows.data());
            panels_.score(rows.data(), count, scores.data());
            for (std::size_t r = 0; r < count; ++r)
                first_list_[first + r] =
                    static_cast<std::uint32_t>(kernels.argmin(scores.data() + r * panels_.stride(), lists_));
            if (second_) assign_second(first, count, rows.data(), scores.data(), others.data());
        }
    }
    /// SOAR: the list c' with the least abs(x - c')^2 + lambda (r.(x - c') / abs(r))^2, r = x - c: a residual that is
    /// not parallel to the first one, so that a query badly served by one list is well served by the other.
    void assign_second(std::size_t first, std::size_t count, float* rows, float* scores, float* others) {
        constexpr float lambda = 1;
        const auto& kernels = quantization::active_fast_scan();
        const auto stride = panels_.stride();
        std::vector<float> along(count), length(count);
        for (std::size_t r = 0; r < count; ++r) {
            float* x = rows + r * dim_;
            const float* c = centroids_.data() + first_list_[first + r] * dim_;
            for (std::size_t d = 0; d < dim_; ++d) {
                const float residual = x[d] - c[d];
                along[r] += residual * x[d];
                length[r] += residual * residual;
                x[d] = residual;
            }
        }
        kernels.dots(rows, count, dim_, panels_.panels.data(), stride / quantization::panel_rows, dim_, others, stride);
        for (std::size_t r = 0; r < count; ++r) {
            float* score = scores + r * stride;
            const float* other = others + r * stride;
            const float a = along[r], weight = length[r] > 0 ? lambda / (2 * length[r]) : 0;
            for (std::size_t c = 0; c < lists_; ++c) score[c] += weight * (a - other[c]) * (a - other[c]);
            score[first_list_[first + r]] = std::numeric_limits<float>::max();
            second_list_[first + r] = static_cast<std::uint32_t>(kernels.argmin(score, lists_));
        }
    }

    /// Counting sort of the rows by list; gives the table of lists and the ids.
    [[nodiscard]] result<void> arrange() {
        table_.resize(lists_);
        for (const auto l : first_list_) ++table_[l].entries;
        for (const auto l : second_list_) ++table_[l].entries;
        std::uint64_t block = 0;
        for (auto& l : table_) {
            l.first_block = static_cast<std::uint32_t>(block);
            block += (std::uint64_t{l.entries} + block_rows - 1) / block_rows;
        }
        if (block > row_none / block_rows) return error{errc::resource_exhausted, "ivf: too many rows"};
        blocks_ = static_cast<std::uint32_t>(block);
        ids_.assign(block * block_rows, row_none);
        std::vector<std::size_t> next(lists_);
        for (std::size_t l = 0; l < lists_; ++l) next[l] = ivf_lists::first_entry(table_[l]);
        for (row_id row = 0; row < rows_; ++row) {
            ids_[next[first_list_[row]]++] = row;
            if (second_) ids_[next[second_list_[row]]++] = row;
        }
        return {};
    }

    [[nodiscard]] result<ivf_bytes> write() {
        ivf_bytes bytes;
        double error_squares = 0;
        if (options_.code != ivf_code::flat) {
            bytes.codes.resize(std::size_t{blocks_} * block_bytes());
            std::vector<double> errors(lists_);
            std::atomic<std::uint64_t> done{0};
            for (std::size_t begin = 0; begin < lists_; begin += 64) {
                const auto end = std::min<std::size_t>(lists_, begin + 64);
                detail::in_pieces(end - begin, 1, options_.threads, [&](std::size_t from, std::size_t) {
                    errors[begin + from] = encode_list(begin + from, bytes.codes);
                    done += table_[begin + from].entries;
                });
                VECSTORE_CHECK(go_on(2 * std::uint64_t{rows_} + done / (second_ ? 2 : 1)));
            }
            for (const auto e : errors) error_squares += e;
        }
        put_model(bytes);
        const auto* ids = reinterpret_cast<const std::byte*>(ids_.data());
        bytes.ids.assign(ids, ids + ids_.size() * sizeof(row_id));
        put_header(bytes, error_squares);
        if (!ivf_lists::open(bytes.header, bytes.model, bytes.codes, bytes.ids, rows_))
            return invalid_argument("ivf: the rows have values so large that their sums overflow f32");
        VECSTORE_CHECK(go_on(3 * std::uint64_t{rows_}));
        return bytes;
    }
    [[nodiscard]] std::size_t block_bytes() const noexcept {
        if (codec_) return block_rows * codec_->code_bytes();
        return rotation_ ? quantization::sign_block_bytes((dim_ + 3) / 4)
                         : quantization::block_bytes(detail::subs_of(dim_));
    }
    /// The sum of the squared errors of the codes.
    double encode_list(std::size_t l, byte_vector& codes) {
        auto* blocks = codes.data() + table_[l].first_block * block_bytes();
        if (codec_) return encode_bytes(table_[l], blocks);
        return rotation_ ? encode_signs(l, blocks) : encode_products(l, blocks);
    }
    double encode_signs(std::size_t l, std::byte* blocks) {
        auto& list = table_[l];
        detail::sign_encoder encoder(options_.metric, *rotation_, centroids_.data() + l * dim_);
        std::vector<float> row(dim_);
        for (std::size_t i = 0; i < list.entries; ++i) {
            read_centered(ids_[ivf_lists::first_entry(list) + i], 1, row.data());
            encoder.add(row.data());
        }
        factors_[l] = encoder.finish(blocks, list);
        return encoder.error_squares();
    }
    double encode_bytes(const ivf_lists::list& list, std::byte* codes) const {
        std::vector<float> row(dim_), kept(dim_);
        double squares = 0;
        for (std::size_t i = 0; i < list.entries; ++i, codes += codec_->code_bytes()) {
            read_(ids_[ivf_lists::first_entry(list) + i], 1, row.data());
            codec_->encode(row.data(), codes);
            codec_->decode(codes, kept.data());
            for (std::size_t d = 0; d < dim_; ++d) {
                const double e = double{row[d]} - double{kept[d]};
                squares += e * e;
            }
        }
        return squares;
    }
    double encode_products(std::size_t l, std::byte* blocks) {
        auto& list = table_[l];
        detail::list_encoder encoder(options_.metric, dim_, centroids_.data() + l * dim_, codebook_.data());
        std::vector<float> row(dim_);
        for (std::size_t i = 0; i < list.entries; ++i) {
            read_centered(ids_[ivf_lists::first_entry(list) + i], 1, row.data());
            encoder.add(row.data(), blocks);
        }
        encoder.finish(blocks);
        list.least_term = encoder.least_term();
        list.term_step = encoder.term_step();
        return encoder.error_squares();
    }
    void put_model(ivf_bytes& bytes) const {
        byte_writer model;
        const auto put_floats = [&](const std::vector<float>& from) {
            model.put_bytes({reinterpret_cast<const std::byte*>(from.data()), from.size() * sizeof(float)});
        };
        put_floats(panels_.panels);
        put_floats(panels_.half_norms);
        for (const auto& l : table_) {
            model.put(l.first_block);
            model.put(l.entries);
            model.put(l.least_term);
            model.put(l.term_step);
        }
        put_floats(mean_.empty() ? std::vector<float>(dim_) : mean_);
        put_floats(codebook_);
        if (codec_) model.put_bytes(codec_->save());
        if (rotation_) model.put(options_.seed);
        for (const auto& f : factors_)
            for (const float x : {f.scale.least, f.scale.step, f.error.least, f.error.step}) model.put(x);
        bytes.model = std::move(model).take();
    }
    void put_header(ivf_bytes& bytes, double error_squares) const {
        const auto entries = std::uint64_t{rows_} * (second_ ? 2 : 1);
        byte_writer header;
        header.put(ivf_magic);
        header.put(ivf_version);
        header.put(rows_);
        header.put(static_cast<std::uint32_t>(dim_));
        header.put(static_cast<std::uint8_t>(options_.metric));
        header.put(static_cast<std::uint8_t>(options_.code));
        header.put(std::uint16_t{0});
        header.put(static_cast<std::uint32_t>(lists_));
        header.put(blocks_);
        header.put(static_cast<float>(std::sqrt(error_squares / static_cast<double>(entries))));
        header.put(entries);
        header.put(static_cast<std::uint64_t>(bytes.model.size()));
        header.put(static_cast<std::uint64_t>(bytes.codes.size()));
        header.put(static_cast<std::uint64_t>(bytes.ids.size()));
        header.put(std::uint64_t{0});
        bytes.header = std::move(header).take();
    }

    const ivf_options& options_;
    row_id rows_;
    std::size_t dim_;
    const ivf_row_reader& read_;
    const ivf_keep_going& keep_going_;
    std::size_t lists_ = 0;
    bool euclidean_ = false;
    bool second_ = false;
    std::vector<float> sample_;
    std::vector<float> mean_;  ///< empty: zero
    std::vector<float> centroids_;
    centroid_panels panels_;
    std::vector<float> codebook_;                          ///< of pq4
    std::optional<quantization::rotation> rotation_;       ///< of rabitq
    std::vector<ivf_lists::sign_factors> factors_;         ///< the same, of each list
    std::optional<quantization::scalar_codec> codec_;      ///< of int8
    std::vector<std::uint32_t> first_list_, second_list_;  ///< [rows]
    std::vector<ivf_lists::list> table_;
    std::uint32_t blocks_ = 0;
    std::vector<row_id> ids_;
};

}  // namespace

result<ivf_bytes> build_ivf(const ivf_options& options, row_id row_count, const ivf_row_reader& read,
                            const ivf_keep_going& keep_going) {
    return builder(options, row_count, read, keep_going).run();
}

}  // namespace vecstore::index
