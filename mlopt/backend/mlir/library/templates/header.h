/* $name: the workload $workload on arrays of fixed shapes.
 * $origin
 *
 * Arrays are row-major and contiguous:
$layouts
 * Inputs are only read. Outputs are only written, every element of them, and overlap neither an input nor each other.
 * $alignment
 * The function may be called from several threads at once. $memory
 * Threads: $threads
 * CPU: $machine with the features below; on another the program ends in an illegal instruction.
 *   $features
 */
#ifndef MLOPT_${name}_H
#define MLOPT_${name}_H

$includes#ifdef __cplusplus
extern "C" {
#endif

$declaration

#ifdef __cplusplus
}
#endif

#endif
