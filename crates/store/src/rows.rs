//! Many rows as one value: what a batch writes in one statement, whatever its size.

use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable, ModelTrait, Value};

/// Rows of some or all columns of the table `E`, held column by column.
pub struct Rows<E: EntityTrait> {
    columns: Vec<E::Column>,
    cells: Vec<Vec<Value>>,
}

/// One column of a batch as the dialects see it.
pub(crate) struct Cells<'a> {
    pub name: &'a str,
    pub kind: ColumnType,
    pub nullable: bool,
    pub values: Vec<Value>,
}

impl<E: EntityTrait> Rows<E> {
    /// No rows yet, of these columns.
    pub fn of_columns(columns: &[E::Column]) -> Self {
        Self { columns: columns.to_vec(), cells: columns.iter().map(|_| Vec::new()).collect() }
    }

    /// Whole rows.
    pub fn of(models: impl IntoIterator<Item = E::Model>) -> Self
    where
        E::Model: ModelTrait<Entity = E>,
    {
        let columns: Vec<E::Column> = E::Column::iter().collect();
        let mut rows = Self::of_columns(&columns);
        for model in models {
            for (index, column) in columns.iter().enumerate() {
                rows.cells[index].push(model.get(*column));
            }
        }
        rows
    }

    /// Adds a row; one value for each column, in the order of the columns.
    pub fn push<const N: usize>(&mut self, values: [Value; N]) {
        assert_eq!(N, self.columns.len(), "a row has as many values as the batch has columns");
        for (cells, value) in self.cells.iter_mut().zip(values) {
            cells.push(value);
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.cells.first().map_or(0, Vec::len)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the batch apart, without the column `except` (which the door writes itself).
    pub(crate) fn into_cells(self, except: &[E::Column]) -> Vec<Cells<'static>> {
        let except: Vec<&str> = except.iter().map(IdenStatic::as_str).collect();
        self.columns
            .into_iter()
            .zip(self.cells)
            .filter(|(column, _)| !except.contains(&column.as_str()))
            .map(|(column, values)| {
                let definition = column.def();
                Cells {
                    name: column.as_str(),
                    kind: definition.get_column_type().clone(),
                    nullable: definition.is_null(),
                    values,
                }
            })
            .collect()
    }
}
