module attributes {stablehlo.num_replicas = 1,  stablehlo.num_partitions = 4} {
  sdy.mesh @mesh = <["batch"=4]>
  func.func @main(%arg0: tensor<8x16xf32> { sdy.sharding = #sdy.sharding<@mesh, [{"batch"}, {}]> }, %arg1: tensor<f32> { sdy.sharding = #sdy.sharding<@mesh, []> }, %_layer_weight: tensor<16x24xf32> {jax.buffer_donor = true,  sdy.sharding = #sdy.sharding<@mesh, [{}, {}]> }, %_layer_frozen: tensor<16x24xf32> { sdy.sharding = #sdy.sharding<@mesh, [{}, {}]> }, %_layer_moment: tensor<16x24xf32> {jax.buffer_donor = true,  sdy.sharding = #sdy.sharding<@mesh, [{}, {}]> }) -> (tensor<16x24xf32> { sdy.sharding = #sdy.sharding<@mesh, [{}, {}]> }, tensor<16x24xf32> { sdy.sharding = #sdy.sharding<@mesh, [{}, {}]> }, tensor<f32> { sdy.sharding = #sdy.sharding<@mesh, []> }) {
    %0 = "stablehlo.dot_general"(%arg0, %_layer_frozen) {
      dot_dimension_numbers = #stablehlo.dot<
  lhs_batching_dimensions = [],
  rhs_batching_dimensions = [],
  lhs_contracting_dimensions = [1],
  rhs_contracting_dimensions = [0]
>,
      precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]
    } : (tensor<8x16xf32>, tensor<16x24xf32>) -> tensor<8x24xf32>
    %1 = "stablehlo.tanh"(%0) : (tensor<8x24xf32>) -> tensor<8x24xf32>
    %2 = "stablehlo.transpose"(%_layer_weight) { permutation = array<i64: 1, 0> } : (tensor<16x24xf32>) -> tensor<24x16xf32>
    %3 = "stablehlo.dot_general"(%1, %2) {
      dot_dimension_numbers = #stablehlo.dot<
  lhs_batching_dimensions = [],
  rhs_batching_dimensions = [],
  lhs_contracting_dimensions = [1],
  rhs_contracting_dimensions = [0]
>,
      precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]
    } : (tensor<8x24xf32>, tensor<24x16xf32>) -> tensor<8x16xf32>
    %4 = "stablehlo.subtract"(%3, %arg0) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    %5 = "stablehlo.multiply"(%4, %4) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    %7 = "stablehlo.constant"() { value = dense<0.0> : tensor<f32> } : () -> tensor<f32>
    %8 = "stablehlo.reduce"(%5, %7) ({
      ^reductionFn(%lhs: tensor<f32>, %rhs: tensor<f32>) :
          %6 = "stablehlo.add"(%lhs, %rhs) : (tensor<f32>, tensor<f32>) -> tensor<f32>
          "stablehlo.return"(%6) : (tensor<f32>) -> ()
    }) { dimensions = array<i64: 0, 1> } : (tensor<8x16xf32>, tensor<f32>) -> tensor<f32>
    %9 = "stablehlo.constant"() { value = dense<0.0078125> : tensor<f32> } : () -> tensor<f32>
    %10 = "stablehlo.multiply"(%8, %9) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %11 = "stablehlo.constant"() { value = dense<0.8999999761581421> : tensor<f32> } : () -> tensor<f32>
    %12 = "stablehlo.broadcast_in_dim"(%11) { broadcast_dimensions = array<i64> } : (tensor<f32>) -> tensor<16x24xf32>
    %13 = "stablehlo.multiply"(%_layer_moment, %12) : (tensor<16x24xf32>, tensor<16x24xf32>) -> tensor<16x24xf32>
    %14 = "stablehlo.constant"() { value = dense<1.0> : tensor<f32> } : () -> tensor<f32>
    %15 = "stablehlo.multiply"(%14, %9) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %16 = "stablehlo.multiply"(%14, %8) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %17 = "stablehlo.reshape"(%15) : (tensor<f32>) -> tensor<1x1xf32>
    %18 = "stablehlo.broadcast_in_dim"(%17) { broadcast_dimensions = array<i64: 0, 1> } : (tensor<1x1xf32>) -> tensor<8x16xf32>
    %19 = "stablehlo.multiply"(%18, %4) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    %20 = "stablehlo.multiply"(%18, %4) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    %21 = "stablehlo.add"(%19, %20) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    %22 = "stablehlo.negate"(%21) : (tensor<8x16xf32>) -> tensor<8x16xf32>
    %23 = "stablehlo.dot_general"(%21, %2) {
      dot_dimension_numbers = #stablehlo.dot<
  lhs_batching_dimensions = [],
  rhs_batching_dimensions = [],
  lhs_contracting_dimensions = [1],
  rhs_contracting_dimensions = [1]
>,
      precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]
    } : (tensor<8x16xf32>, tensor<24x16xf32>) -> tensor<8x24xf32>
    %24 = "stablehlo.transpose"(%23) { permutation = array<i64: 0, 1> } : (tensor<8x24xf32>) -> tensor<8x24xf32>
    %25 = "stablehlo.dot_general"(%21, %1) {
      dot_dimension_numbers = #stablehlo.dot<
  lhs_batching_dimensions = [],
  rhs_batching_dimensions = [],
  lhs_contracting_dimensions = [0],
  rhs_contracting_dimensions = [0]
>,
      precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]
    } : (tensor<8x16xf32>, tensor<8x24xf32>) -> tensor<16x24xf32>
    %26 = "stablehlo.transpose"(%25) { permutation = array<i64: 1, 0> } : (tensor<16x24xf32>) -> tensor<24x16xf32>
    %27 = "stablehlo.transpose"(%26) { permutation = array<i64: 1, 0> } : (tensor<24x16xf32>) -> tensor<16x24xf32>
    %28 = "stablehlo.add"(%13, %27) : (tensor<16x24xf32>, tensor<16x24xf32>) -> tensor<16x24xf32>
    %29 = "stablehlo.broadcast_in_dim"(%arg1) { broadcast_dimensions = array<i64> } : (tensor<f32>) -> tensor<16x24xf32>
    %30 = "stablehlo.multiply"(%28, %29) : (tensor<16x24xf32>, tensor<16x24xf32>) -> tensor<16x24xf32>
    %31 = "stablehlo.subtract"(%_layer_weight, %30) : (tensor<16x24xf32>, tensor<16x24xf32>) -> tensor<16x24xf32>
    "stablehlo.return"(%31, %28, %10) : (tensor<16x24xf32>, tensor<16x24xf32>, tensor<f32>) -> ()
  }
}
