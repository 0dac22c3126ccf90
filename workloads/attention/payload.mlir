// b batch, h head of keys and values, g place in its group, s query, t key, d element of a head
#query = affine_map<(${loops}, t, d) -> (${loops}, d)>
#cache = affine_map<(${loops}, t, d) -> (b, h, t, d)>
#pair = affine_map<(${loops}, t, d) -> (${loops}, t)>
#each = affine_map<(${loops}, t) -> (${loops}, t)>
#row = affine_map<(${loops}, t) -> (${loops})>
func.func @${name}(${argument_q}: ${type_q}, ${argument_k}: ${type_k}, ${argument_v}: ${type_v}) -> ${result_type} {
  ${widen_q}
  ${widen_k}
  ${widen_v}
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %scale = arith.constant ${scale} : f32
  %empty_scores = tensor.empty() : ${scores}
  %empty_rows = tensor.empty() : ${row}
  %empty_out = tensor.empty() : ${out}
  ${view}
  %zeros_scores = linalg.fill ins(%zero : f32) outs(%empty_scores : ${scores}) -> ${scores}
  %products = linalg.generic {indexing_maps = [#query, #cache, #pair],
                              iterator_types = [${parallel}, "parallel", "reduction"]}
      ins(%q, %k : ${out}, ${cache}) outs(%zeros_scores : ${scores}) {
  ^bb0(%left: f32, %right: f32, %total: f32):
    %product = arith.mulf %left, %right : f32
    %next = arith.addf %total, %product : f32
    linalg.yield %next : f32
  } -> ${scores}
  %masked = linalg.generic {indexing_maps = [#each, #each], iterator_types = [${parallel}, "parallel"]}
      ins(%products : ${scores}) outs(%empty_scores : ${scores}) {
  ^bb0(%product: f32, %unused: f32):
    %scaled = arith.mulf %product, %scale : f32
    ${mask}
    linalg.yield ${score} : f32
  } -> ${scores}
  %lowests = linalg.fill ins(%lowest : f32) outs(%empty_rows : ${row}) -> ${row}
  %max = linalg.generic {indexing_maps = [#each, #row], iterator_types = [${parallel}, "reduction"]}
      ins(%masked : ${scores}) outs(%lowests : ${row}) {
  ^bb0(%score: f32, %most: f32):
    %larger = arith.maximumf %most, %score : f32
    linalg.yield %larger : f32
  } -> ${row}
  %weights = linalg.generic {indexing_maps = [#each, #row, #each], iterator_types = [${parallel}, "parallel"]}
      ins(%masked, %max : ${scores}, ${row}) outs(%empty_scores : ${scores}) {
  ^bb0(%score: f32, %most: f32, %unused: f32):
    %below = arith.subf %score, %most : f32
    %weight = math.exp %below : f32
    linalg.yield %weight : f32
  } -> ${scores}
  %zeros_rows = linalg.fill ins(%zero : f32) outs(%empty_rows : ${row}) -> ${row}
  %sum = linalg.generic {indexing_maps = [#each, #row], iterator_types = [${parallel}, "reduction"]}
      ins(%weights : ${scores}) outs(%zeros_rows : ${row}) {
  ^bb0(%weight: f32, %total: f32):
    %next = arith.addf %total, %weight : f32
    linalg.yield %next : f32
  } -> ${row}
  %zeros_out = linalg.fill ins(%zero : f32) outs(%empty_out : ${out}) -> ${out}
  %weighted = linalg.generic {indexing_maps = [#pair, #cache, #query],
                              iterator_types = [${parallel}, "reduction", "parallel"]}
      ins(%weights, %v : ${scores}, ${cache}) outs(%zeros_out : ${out}) {
  ^bb0(%left: f32, %right: f32, %total: f32):
    %product = arith.mulf %left, %right : f32
    %next = arith.addf %total, %product : f32
    linalg.yield %next : f32
  } -> ${out}
  %out = linalg.generic {indexing_maps = [#each, #row, #each], iterator_types = [${parallel}, "parallel"]}
      ins(%weighted, %sum : ${out}, ${row}) outs(%empty_out : ${out}) {
  ^bb0(%value: f32, %total: f32, %unused: f32):
    %share = arith.divf %value, %total : f32
    linalg.yield %share : f32
  } -> ${out}
  ${flatten}
  ${narrow}
  return ${result} : ${result_type}
}
